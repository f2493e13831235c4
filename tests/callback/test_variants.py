"""The variant that a run suggests: whatever was trained, it is accepted and changes something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from atelier.callback.variants import CODES, GAMES, Variant, chosen, named, retyped
from atelier.config.dry_run import dry_run
from atelier.config.words import conf_dir, groups

Compose = Callable[..., DictConfig]

SOON = ("model=dcgan", "model=autoencoder")
CHOICES = [f"{group}={name}" for group in ("model", "experiment") for name in groups(conf_dir())[group]]


def stored(cfg: DictConfig) -> Any:
    """The values that a run of ``cfg`` would keep."""
    cfg.run_dir = "run"
    return OmegaConf.to_container(cfg, resolve=True)


@pytest.mark.parametrize(
    "word", [word if word in SOON else pytest.param(word, marks=pytest.mark.thorough) for word in CHOICES]
)
def test_a_variant_is_accepted_and_changes_the_run(word: str, composed: Compose) -> None:
    words = [word] if "cyclegan" not in word else [word, "data=stripes"]
    while True:
        before = stored(composed(*words))
        words = retyped(before, words, (*GAMES, *CODES))
        varied = composed(*words)
        assert dry_run(varied) == []
        assert stored(varied)["model"] != before["model"], words
        if words[-1].startswith("seed="):
            break


@pytest.mark.parametrize("variant", [*GAMES, *CODES], ids=str)
def test_a_variant_is_the_option_of_its_name(variant: Variant) -> None:
    file = conf_dir() / variant.axis / f"{variant.option}.yaml"
    assert OmegaConf.to_container(OmegaConf.load(file))["_target_"] == named(variant.made)  # type: ignore[index,call-overload]


def test_a_game_that_plays_hinge_is_not_told_to_play_hinge(composed: Compose) -> None:
    assert retyped(stored(composed("model=sngan")), ["model=sngan"], GAMES) == ["model=sngan", "regularizer=r1"]
    assert retyped(stored(composed("model=dcgan")), ["model=dcgan"], GAMES) == ["model=dcgan", "objective=hinge"]


def test_a_family_of_ones_own_is_told_of_no_axis_that_it_does_not_know(composed: Compose) -> None:
    """Every composition has an objective, which a variational autoencoder refers to as little as to a regularizer."""
    cfg: Mapping[str, Any] = stored(composed("model=dcgan")) | {"model": {"_target_": "vae.VAE", "decoder": {}}}
    assert chosen(cfg, "objective") is None
    assert retyped(cfg, ["model=vae", "data=digits", "seed=3"], GAMES) == ["model=vae", "data=digits", "seed=1"]


@pytest.mark.parametrize("typed", ["objective=wasserstein", "objective.target=0.9", "+objective.target=0.9"])
def test_an_axis_that_was_typed_stays_as_it_is(typed: str, composed: Compose) -> None:
    cfg = stored(composed("model=dcgan"))
    assert retyped(cfg, [typed], GAMES) == [typed, "regularizer=r1"]
    assert retyped(cfg | {"seed": 4}, [typed, "regularizer=none", "seed=4"], GAMES)[1:] == [
        "regularizer=none",
        "seed=5",
    ]
