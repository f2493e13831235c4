from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytorch_lightning.loggers import TensorBoardLogger

from atelier.callback.gallery import Gallery, epoch_in
from atelier.callback.picture import Grid, Scatter
from atelier.types import Mistake


class Album:
    """Stands for a logger that takes pictures, as Weights & Biases' does."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int | None]] = []

    def log_image(self, key: str, images: list[np.ndarray], step: int | None = None, *, caption: Sequence[str]) -> None:
        assert images[0].shape[2] == 3
        assert len(caption) == len(images)
        self.taken.append((key, step))

    def log_metrics(self, *_: object, **__: object) -> None: ...

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None


def gallery() -> Gallery:
    return Gallery(Grid(2, 3, 24), seed=3, walks=2, steps=4)


def test_one_picture_per_validation_and_a_walk_at_the_end(fit, toy, tmp_path: Path) -> None:
    fit(toy(), gallery(), epochs=4, check_val_every_n_epoch=2)
    found = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert found == ["epoch_0000.png", "epoch_0002.png", "epoch_0004.png", "interpolation.png"]


def test_the_latents_stay_the_same(fit, toy, tmp_path: Path) -> None:
    fit(toy(), gallery(), epochs=2)
    first, second = (np.asarray(Image.open(tmp_path / "run" / "samples" / f"epoch_000{n}.png")) for n in (1, 2))
    expected = Grid(2, 3, 24).draw(toy().sample(6, seed=3), None)
    assert (first == expected).all()
    assert (second == expected).all()


def test_pictures_within_an_epoch_have_names_that_sort(fit, toy, tmp_path: Path) -> None:
    fit(toy(), gallery(), epochs=1, val_check_interval=2)
    found = sorted(path.stem for path in (tmp_path / "run" / "samples").glob("epoch*"))
    assert found == ["epoch_0000", "epoch_0000_40", "epoch_0000_80"]
    assert [epoch_in(name) for name in found] == [0.0, 0.4, 0.8]
    assert epoch_in("interpolation") is None


def test_loggers_that_take_pictures_get_them(fit, toy, tmp_path: Path) -> None:
    album, board = Album(), TensorBoardLogger(tmp_path / "board")
    fit(toy(), gallery(), epochs=1, loggers=[album, board])
    assert album.taken == [("samples", 0), ("samples", 5), ("interpolation", 5)]
    events = b"".join(path.read_bytes() for path in (tmp_path / "board").rglob("events*"))
    assert b"interpolation" in events


def test_reals_are_kept_only_where_the_picture_wants_them(fit, toy) -> None:
    plain, scattered = gallery(), Gallery(Grid(1, 1, 8), seed=0, walks=1, steps=2)
    scattered.picture.reals = 10
    fit(toy(), plain, scattered, epochs=1)
    assert plain._real == []
    assert sum(len(real) for real in scattered._real) == 10
    assert Scatter(7).reals == 7


@pytest.mark.parametrize(("walks", "steps"), [(0, 5), (3, 1)])
def test_a_walk_has_at_least_two_ends(walks: int, steps: int) -> None:
    with pytest.raises(Mistake, match=r"callback\.gallery"):
        Gallery(Grid(1, 1, 8), seed=0, walks=walks, steps=steps)


@pytest.mark.parametrize(
    ("name", "epoch"),
    [("epoch_0012", 12.0), ("epoch_0012_25", 12.25), ("epoch_best", None), ("epoch_0001 (copy)", None), ("walk", None)],
)
def test_pictures_of_epochs_are_known_by_their_names(name: str, epoch: float | None) -> None:
    assert epoch_in(name) == epoch
