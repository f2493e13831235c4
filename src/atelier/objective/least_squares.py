"""Regression to 1 for reals and 0 for fakes (LSGAN)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class LeastSquares:
    """LSGAN (Mao et al. 2017, eq. 9: targets b = 1 for reals, a = 0 for fakes, c = 1 for the generator's).

    D's loss carries that equation's ½; G's does not, as in CycleGAN (Zhu et al. 2017, section 4), whose λs
    weigh its other terms against E(D(G(z)) − 1)² and whose code halves D alone. The logit itself is D's
    output.

    equilibrium: −loss of the best D where p_G = p_data: D = ½ everywhere, ½·¼ + ½·¼.
    boundary: output above which D says "real": half way between the targets.
    """

    equilibrium: float | None = -0.25
    boundary: float | None = 0.5

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """½·E(real − 1)² + ½·E fake² of outputs ``[B]`` (or of any shape: patches count alike)."""
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """E(fake − 1)²."""
        return (fake - 1).square().mean()
