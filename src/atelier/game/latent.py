"""The noise that a generator shapes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.types import Mistake

_BLOCK = 1024
"""Latents of the endless row are drawn in blocks of this many, so that any of them is found without its forerunners."""


class Latent(ABC):
    """A distribution over ``[dim]`` vectors.

    dim: length of a latent vector.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise Mistake(f"latent.dim={dim}: a latent vector has at least one number")
        self.dim = dim

    @abstractmethod
    def draw(self, moment: Moment, purpose: str, count: int) -> Tensor:
        """``[count, dim]`` latents of this moment."""

    @abstractmethod
    def truncate(self, z: Tensor, threshold: float) -> Tensor:
        """The latents ``z`` squeezed into the part of the distribution that lies within ``threshold``."""

    @abstractmethod
    def between(self, start: Tensor, end: Tensor, steps: int) -> Tensor:
        """``steps`` points on the way from ``start`` to ``end`` (each ``[dim]``), all typical: ``[steps, dim]``."""

    def at(self, seed: int, indices: Tensor) -> Tensor:
        """The latents with the given places in the endless row of ``seed``: ``[len(indices), dim]`` on their device.

        A place's latent depends on (seed, place) alone: not on batch size, order or number of ranks.
        """
        places = indices.cpu()
        z = torch.empty(len(places), self.dim)
        for block in sorted(set((places // _BLOCK).tolist())):
            inside = places // _BLOCK == block
            drawn = self.draw(Moment(seed, block), "endless row", _BLOCK)
            z[inside] = drawn[places[inside] % _BLOCK]
        return z.to(indices.device)


class Uniform(Latent):
    """z uniform in [-1, 1), as in DCGAN (Radford et al. 2016, section 4)."""

    def draw(self, moment: Moment, purpose: str, count: int) -> Tensor:
        """``[count, dim]`` numbers in [-1, 1)."""
        return moment.uniform(purpose, count, self.dim, low=-1.0, high=1.0)

    def truncate(self, z: Tensor, threshold: float) -> Tensor:
        """Refused: a uniform distribution has no tails to leave out."""
        raise Mistake(
            f"truncation={threshold}: this model's latents are uniform in [-1, 1] and have no tails to leave out; "
            "truncation makes sense for a model trained with latent=normal"
        )

    def between(self, start: Tensor, end: Tensor, steps: int) -> Tensor:
        """The straight line: every point of it lies in the cube."""
        share = torch.linspace(0, 1, steps, device=start.device).unsqueeze(1)
        return torch.lerp(start.expand(steps, -1), end.expand(steps, -1), share)


class Normal(Latent):
    """z standard normal."""

    def draw(self, moment: Moment, purpose: str, count: int) -> Tensor:
        """``[count, dim]`` standard normal numbers."""
        return moment.normal(purpose, count, self.dim)

    def truncate(self, z: Tensor, threshold: float) -> Tensor:
        """Truncated normals by the inverse of the distribution function (the truncation trick, Brock et al. 2019, 3.1).

        Each number keeps its rank: z = Φ⁻¹(Φ(−t) + Φ(z)·(Φ(t) − Φ(−t))).
        """
        if threshold <= 0:
            raise Mistake(
                f"truncation={threshold}: the threshold is a distance from 0, in standard deviations, above 0"
            )
        mass = math.erf(threshold / math.sqrt(2))
        # With Φ(z) = (1 + erf(z/√2))/2 the formula above is erf(z'/√2) = mass · erf(z/√2).
        return math.sqrt(2) * torch.erfinv(mass * torch.erf(z.double() / math.sqrt(2))).to(z.dtype)

    def between(self, start: Tensor, end: Tensor, steps: int) -> Tensor:
        """The great circle (spherical interpolation, White 2016): a normal vector's length hardly varies."""
        share = torch.linspace(0, 1, steps, device=start.device).unsqueeze(1)
        cosine = torch.dot(start / start.norm(), end / end.norm()).clamp(-1, 1)
        angle = torch.acos(cosine)
        if torch.sin(angle) < 1e-4:
            return torch.lerp(start.expand(steps, -1), end.expand(steps, -1), share)
        return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)
