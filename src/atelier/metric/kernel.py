"""The kernel distance: a squared maximum mean discrepancy of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from atelier.metric.score import OfReal, exact, require_images
from atelier.moment import Moment
from atelier.types import Features, Mistake

# Kernels of so many rows at a time stay in a processor's cache between their passes.
_ROWS = 128


class KernelDistance:
    """KID: the unbiased MMD² under the kernel (x·y / d + 1)³, averaged over random subsets.

    Bińkowski et al., "Demystifying MMD GANs" (2018), section 4 and eq. 4. Being unbiased it may be negative,
    and its mean is 0 for equal distributions at any number of images. Subsets are drawn by ``seed`` from the
    rows as they stand (a bank's rows are sorted by sample index), so the figure repeats.

    The spread over subsets is not reported: subsets overlap, so it is no error bar of the figure.

    subsets: number of subsets.
    subset_size: images per side in a subset, at most as many as there are.
    """

    names: Mapping[str, bool] = {"kid": False}

    def __init__(self, subsets: int, subset_size: int, seed: int) -> None:
        if subsets < 1:
            raise Mistake(f"subsets={subsets}: the kernel distance is a mean over at least 1 subset")
        if subset_size < 2:
            raise Mistake(f"subset_size={subset_size}: the kernel distance compares at least 2 images with 2")
        self.subsets, self.subset_size, self.seed = subsets, subset_size, seed
        self._real = OfReal(_no_means)

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """The distance of features ``[N, d]`` and ``[M, d]``; Mistake for fewer than two images on a side."""
        self.demand(real, fake)
        x, y = exact(real.features), exact(fake.features)
        subsets, size = self.protocol(len(x), len(y)).values()
        among_reals = self._real(real.features)
        total = x.new_zeros(())
        for subset in range(subsets):
            moment = Moment(seed=self.seed, step=subset)
            some_x, some_y = x[_choose(moment, "real", len(x), size)], y[_choose(moment, "fake", len(y), size)]
            if (size, subset) not in among_reals:
                among_reals[size, subset] = within(some_x)
            total += among_reals[size, subset] + within(some_y) - 2 * across(some_x, some_y)
        return {"kid": (total / subsets).item()}

    def demand(self, real: Features, fake: Features) -> None:
        """Mistake for fewer than two images on a side: kernels are of two different ones."""
        require_images("the kernel distance", 2, real.features, fake.features)

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """How many subsets of how many images are drawn from so many."""
        size = min(self.subset_size, real, fake)
        # A subset that is everything is the same every time.
        return {"subsets": 1 if size == real == fake else self.subsets, "subset_size": size}


def _choose(moment: Moment, purpose: str, count: int, size: int) -> Tensor:
    return torch.randperm(count, generator=moment.generator(purpose))[:size]


def _no_means(real: Tensor) -> dict[tuple[int, int], Tensor]:
    """Mean kernels among the reals of a subset by its size and number: none at first."""
    return {}


def within(z: Tensor) -> Tensor:
    """The mean kernel of two different ones of ``[n, d]``: what lies above the diagonal is not computed."""
    total = z.new_zeros(())
    for start in range(0, len(z), _ROWS):
        some = z[start : start + _ROWS]
        kernels = _kernels(some, some)
        total += _cubes(kernels) - (kernels.diagonal() ** 3).sum() + 2 * _cubes(_kernels(some, z[start + _ROWS :]))
    return total / (len(z) * (len(z) - 1))


def across(x: Tensor, y: Tensor) -> Tensor:
    """The mean kernel of one of ``[m, d]`` and one of ``[n, d]``."""
    total = torch.stack([_cubes(_kernels(some, y)) for some in torch.split(x, _ROWS)]).sum()
    return total / (len(x) * len(y))


def _kernels(x: Tensor, y: Tensor) -> Tensor:
    """x·y / d + 1, the kernels' cubic roots."""
    return torch.addmm(x.new_ones(()), x, y.T, alpha=1 / x.shape[1])


def _cubes(kernels: Tensor) -> Tensor:
    flat = kernels.flatten()
    return torch.dot(flat.square(), flat)
