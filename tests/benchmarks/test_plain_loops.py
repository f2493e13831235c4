"""The plain renderings are the games that atelier plays: the first step's losses and gradients, in float64."""

from __future__ import annotations

import pytest

from suite import games
from suite.how import How
from suite.machinery import same_game
from suite.plain_r3gan import PlainR3GAN
from suite.training import compare


@pytest.mark.thorough
@pytest.mark.parametrize("game", ["cyclegan", "dcgan", "r3gan"])
def test_a_plain_loop_plays_the_same_game(game: str) -> None:
    said, note = compare(How((game, 64), "cpu"))  # raises where they are more than 1e-9 apart
    assert said
    assert note.startswith("float64 losses")


@pytest.mark.parametrize("recipe", [pytest.param("first_run", marks=pytest.mark.slow), "machinery"])
def test_a_recipe_by_hand_plays_the_same_game(recipe: str) -> None:
    assert same_game(recipe).startswith("float64 losses")


def test_another_game_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        games, "PlainR3GAN", lambda model, dtype, gamma, **given: PlainR3GAN(model, dtype, 2 * gamma, **given)
    )
    with pytest.raises(ValueError, match="apart from the plain loop"):
        compare(How(("r3gan", 64), "cpu"))
