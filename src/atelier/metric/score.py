"""What a score is, and how its figure is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from atelier.types import Features, Mistake

T = TypeVar("T")

_INCEPTION = {"fd": "fid"}


class Score(Protocol):
    """One or several figures that compare fakes with reals by their features."""

    @property
    def names(self) -> Mapping[str, bool]:
        """The figures' short names, each with whether a higher value is better."""
        ...

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """The figures by short name; empty where the extractor does not give what the score needs.

        Both sides lie on one device.
        """
        ...


@runtime_checkable
class Demanding(Protocol):
    """A score that some images are too few for."""

    def demand(self, real: Features, fake: Features) -> None:
        """Raise :class:`Mistake` unless there are images enough. Only shapes are looked at: it can be asked before."""
        ...


@runtime_checkable
class Sized(Protocol):
    """A score whose figures depend on numbers besides the images."""

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """What it works with on ``real`` and ``fake`` images."""
        ...


def score_name(score: str, extractor: str) -> str:
    """The public name of figure ``score`` when it was taken with ``extractor``.

    Bare names belong to Inception, and only Inception's Fréchet distance is called FID; every other extractor
    stands in the name, so that figures of different extractors never share a column.

    >>> score_name("fd", "inception"), score_name("fd", "digits"), score_name("kid", "inception")
    ('fid', 'fd_digits', 'kid')
    """
    return _INCEPTION.get(score, score) if extractor == "inception" else f"{score}_{extractor}"


def exact(features: Tensor) -> Tensor:
    """The features in float64, on a device that has it (Apple's has not)."""
    features = features.detach()
    return (features.cpu() if features.device.type == "mps" else features).double()


def require_images(score: str, least: int, real: Tensor, fake: Tensor) -> None:
    """Raise :class:`Mistake` unless both sides have ``least`` rows."""
    if min(len(real), len(fake)) < least:
        raise Mistake(
            f"{score} needs at least {least} images on each side; there are {len(real)} real and {len(fake)} fake ones"
        )


class OfReal(Generic[T]):
    """What a score derives from the real features, derived once for each tensor of them.

    The tensor is recognised by identity and must not be written to afterwards.
    """

    def __init__(self, derive: Callable[[Tensor], T]) -> None:
        self._derive = derive
        self._last: tuple[Tensor, T] | None = None

    def __call__(self, real: Tensor) -> T:
        """``derive(real)``, or its earlier result if this very tensor was the last one."""
        if self._last is None or self._last[0] is not real:
            self._last = (real, self._derive(real))
        return self._last[1]
