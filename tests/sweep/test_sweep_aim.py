"""What a search looks for, known before its first trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from atelier.cli.sweep_aim import aim
from atelier.types import Mistake

SMALL = ["data.image_size=16", "data.source.train=2", "data.source.test=2"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["experiment=dcgan_digits"], ("val/fd_digits", False)),
        (["experiment=sparse_autoencoder_digits"], ("val/mse", False)),
        (["experiment=cyclegan_stripes", *SMALL], ("val/truth_psnr", True)),
    ],
    ids=["game", "autoencoder", "translator that knows the truth"],
)
def test_the_first_score_says_which_way_is_better(
    words: list[str], expected: tuple[str, bool], composed: Callable[..., Any]
) -> None:
    assert aim(composed(*words)) == expected


def test_without_scores_there_is_nothing_to_search_for(composed: Callable[..., Any]) -> None:
    with pytest.raises(Mistake, match=r"callback\.scoreboard=null"):
        aim(composed("experiment=dcgan_digits", "callback.scoreboard=null"))
