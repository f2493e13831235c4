from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from atelier.config.signature import as_floats, fits, spoken, typed, unfit
from atelier.game.schedule import Schedule


class Foreign(Protocol):
    def call(self) -> None: ...


def _node(**values: Any) -> DictConfig:
    made = OmegaConf.create(values)
    assert isinstance(made, DictConfig)
    return made


PART = {"_target_": "atelier.game.schedule.Constant"}

YES: list[tuple[Any, Any]] = [
    (3, int),
    (3, float),
    (0.5, float),
    (True, bool),
    ("a", str),
    ("a", Path),
    (None, int | None),
    (3, int | None),
    (3, int | str),
    ("a", int | str),
    ("a", Literal["a", "b"]),
    ([1, 2], Sequence[int]),
    ([], Sequence[int]),
    ([1, 2], tuple[int, int]),
    ([1, 2, 3], tuple[int, ...]),
    ([0.9, 0.99], tuple[float | torch.Tensor, float | torch.Tensor]),
    (PART, Schedule),
    (PART, float | Schedule),
    (PART, Callable[[float], float]),
    ({"a": 1}, Mapping[str, int]),
    (1, Any),
    ("a", object),
    ("a", Foreign),
    ("00:01:00:00", str | timedelta | None),
]
NO: list[tuple[Any, Any]] = [
    (3.5, int),
    ("3", int),
    (True, int),
    (True, float),
    (1, bool),
    ("yes", bool),
    (3, str),
    (3, Path),
    (None, int),
    (None, Schedule),
    ("c", Literal["a", "b"]),
    (3, Sequence[int]),
    ("abc", Sequence[str]),
    ([1, "a"], Sequence[int]),
    ([1, 2.5], tuple[int, int]),
    ([1], tuple[int, int]),
    ([1, 2], int),
    (3, Schedule),
    ("linear", Schedule),
    (3, Callable[[float], float]),
    ([3], Callable[[float], float]),
    ([3], float | torch.Tensor),
    ([3], Schedule),
    (3, timedelta | str),
    (PART, float),
    (PART, Mapping[str, int]),
    ({"a": 1}, int),
]


@pytest.mark.parametrize(("value", "hint"), YES)
def test_what_fits(value: Any, hint: Any) -> None:
    assert fits(_node(value=value).value, hint)


@pytest.mark.parametrize(("value", "hint"), NO)
def test_what_does_not(value: Any, hint: Any) -> None:
    assert not fits(_node(value=value).value, hint)


def test_missing_and_unknown_arguments_are_named_with_the_nearest() -> None:
    cosine = {"_target_": "atelier.game.schedule.Cosine", "epoch": 3}
    assert unfit(_node(schedule=cosine)) == [
        "schedule.epoch: Cosine takes no epoch; did you mean epochs? (there is: by, end, epochs, start)",
        "schedule.epochs is missing: Cosine needs it",
    ]
    assert unfit(_node(schedule={**cosine, "epoch": None, "_partial_": True}))[0].startswith("schedule.epoch:")


def test_open_ended_constructors_take_any_name() -> None:
    shared = {"_target_": "pytorch_lightning.strategies.ddp.DDPStrategy", "whatever": 3}
    assert unfit(_node(strategy=shared)) == []


def test_an_option_that_several_parts_refer_to_is_wrong_once_and_where_it_is_typed() -> None:
    part = {"_target_": "atelier.game.schedule.Constant", "value": "${speed}"}
    cfg = _node(a=part, b=part, speed="fast")
    assert unfit(cfg) == ["speed=fast: Constant wants a number here"]
    assert typed(cfg, "b.value") == "speed"
    assert typed(cfg, "b.nothing") == "b.nothing"


@pytest.mark.parametrize(
    ("kind", "option", "said"),
    [
        ("torch.optim.adam.Adam", {"lr": "x"}, "Adam wants a number here"),
        ("torch.optim.adam.Adam", {"betas": [1]}, "Adam wants a list of 2, each entry a number, here"),
        (
            "pytorch_lightning.trainer.trainer.Trainer",
            {"max_time": 3},
            "Trainer wants a word or a mapping or null here",
        ),
    ],
)
def test_what_is_wanted_is_said_so_far_as_it_can_be_written_down(kind: str, option: dict[str, Any], said: str) -> None:
    (mistake,) = unfit(_node(part={"_target_": kind, "_partial_": True, **option}))
    assert mistake.endswith(f": {said}")


def test_words_of_several_lists_are_one_list_and_each_is_said_once() -> None:
    assert spoken(Literal[32, "a"] | Literal["32", "b"] | None) == "one of 32, a, b or null"


@pytest.mark.parametrize(
    ("values", "hint", "expected"),
    [
        ([0, 0.9], tuple[float, float], [0.0, 0.9]),
        ([0, 1], tuple[float | torch.Tensor, float | torch.Tensor], [0.0, 1.0]),
        ([512, 256], tuple[int, int], [512, 256]),
        ([1, 2], tuple[int | float, int | float], [1, 2]),
        ([True, 1], tuple[float, float], [True, 1.0]),
        ([1, 2, 3], Sequence[int], [1, 2, 3]),
    ],
)
def test_whole_numbers_are_floats_where_entries_are(values: list[Any], hint: Any, expected: list[Any]) -> None:
    made = as_floats(values, hint)
    assert made == expected and list(map(type, made)) == list(map(type, expected))
