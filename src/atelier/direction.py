"""The two domains, the two directions between them, and the way there and back."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from atelier.types import Direction, Domain, Translated, Translator

DOMAINS: tuple[Domain, Domain] = ("a", "b")
"""In the order of the validation loaders and of the labels 0 and 1."""

DIRECTIONS: tuple[Direction, Direction] = ("a_to_b", "b_to_a")
"""In the same order: domain a's images are translated first."""

WAYS: Mapping[Direction, tuple[Domain, Domain]] = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}
"""Each direction's source and target."""

BACK: Mapping[Direction, Direction] = {"a_to_b": "b_to_a", "b_to_a": "a_to_b"}
"""The direction that leads back."""


def round_trip(model: Translator, real: Tensor, indices: Tensor, way: Direction) -> Translated:
    """Images ``[B, C, H, W]`` in [-1, 1] with their places ``[B]``: translated, translated back, and left alone."""
    fake = model.translate(real, way)
    cycle = model.translate(fake, BACK[way])
    identity = model.translate(real, BACK[way]) if fake.shape == real.shape else None
    return Translated(way, real, fake, cycle, identity, indices)
