"""Where training stands, and the chance that belongs there."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor

SCORE_SEED = 0
"""The seed of the fakes that are scored: the same latents at every validation, in every run and on every machine."""


class Moment(NamedTuple):
    """One step of one run: the source of every draw that the step makes.

    A draw is a function of (seed, step, purpose) and of nothing else: no global generator is touched, so a run is
    the same with any number of workers, before and after a resume, and with or without validation. Numbers are drawn
    on the CPU, so they are the same on every device, and for the global batch, of which each rank takes its slice.

    seed: the run's seed.
    step: batches of the run before this one.
    epoch: position in epochs, with its fraction.
    rank, world: this process and the number of processes.
    device: where the drawn numbers are wanted.
    scope: prefix of all purposes (see :meth:`within`).
    part: first image and number of images of this rank's batch that are looked at now, and the batch's size (see
        :meth:`of_part`).
    """

    seed: int
    step: int
    epoch: float = 0.0
    rank: int = 0
    world: int = 1
    device: torch.device | str = "cpu"
    scope: str = ""
    part: tuple[int, int, int] | None = None

    def within(self, scope: str) -> Moment:
        """The same moment for a part of the step, whose purposes cannot meet those of another part."""
        return self._replace(scope=f"{self.scope}{scope}/")

    def of_part(self, first: int, count: int, whole: int) -> Moment:
        """The same moment for ``count`` of this rank's ``whole`` images, with the draws that they have in the batch."""
        return self._replace(part=(first, count, whole))

    def generator(self, purpose: str) -> torch.Generator:
        """A CPU generator that stands at the beginning of the stream of (seed, step, purpose)."""
        words = f"{self.seed}/{self.step}/{self.scope}{purpose}".encode()
        # 63 bits: torch's seeds are signed.
        seed = int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big") >> 1
        return torch.Generator().manual_seed(seed)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """Standard normal numbers; ``shape[0]`` is this rank's batch."""
        drawn = torch.randn(self._all(shape[0]), *shape[1:], generator=self.generator(purpose))
        return self._mine(drawn, shape[0])

    def uniform(self, purpose: str, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers in [low, high); ``shape[0]`` is this rank's batch."""
        drawn = torch.rand(self._all(shape[0]), *shape[1:], generator=self.generator(purpose))
        if (low, high) != (0.0, 1.0):
            drawn.mul_(high - low).add_(low)
        return self._mine(drawn, shape[0])

    def integers(self, purpose: str, *shape: int, low: int, high: int) -> Tensor:
        """Uniform int64 numbers in [low, high); ``shape[0]`` is this rank's batch."""
        drawn = torch.randint(low, high, (self._all(shape[0]), *shape[1:]), generator=self.generator(purpose))
        return self._mine(drawn, shape[0])

    def _all(self, count: int) -> int:
        """How many numbers the global batch wants where ``count`` are wanted here."""
        return self.world * (count if self.part is None else self.part[2])

    def _mine(self, drawn: Tensor, count: int) -> Tensor:
        first = self.rank * count
        if self.part is not None:
            start, size, whole = self.part
            assert count == size, f"draws are one per image of the part: {count} for {size} images"
            first = self.rank * whole + start
        if drawn.shape[0] != count:
            drawn = drawn[first : first + count]
        return drawn.to(self.device, non_blocking=True)
