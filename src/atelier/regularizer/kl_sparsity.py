"""A code whose units are rarely active: the sparse autoencoder's penalty."""

from __future__ import annotations

import math

import torch
import torch.distributed as dist
from torch import Tensor, nn

from atelier.collective import sum_over_ranks
from atelier.precise import widened
from atelier.types import Mistake

# What lies nearer to 0 or 1 counts as this near. Towards 0 a sigmoid's slope falls as the KL's slope rises, so the
# gradient on what enters the sigmoid stays at ρ down to here, and a silent unit is called back. Towards 1 float32
# knows no number nearer than 6e-8.
_NEAREST_0, _NEAREST_1 = 1e-24, 1e-6


class KLSparsity(nn.Module):
    """β Σⱼ KL(ρ ‖ ρ̂ⱼ), ρ̂ⱼ being unit j's mean activation over the data (Ng 2011, section 3).

    The notes take ρ̂ over all the data; a batch sees a piece of it. So ρ̂'s value comes from a running mean, while
    its gradient goes through the batch's mean at full strength: to first order the gradient of the notes' penalty,
    with ``weight`` meaning their β whatever the batch size. Sums and counts are added up over all ranks. The
    running sums stand in the checkpoint.

    units: width K of the code, whose activations lie in (0, 1).
    rho: the wanted mean activation ρ, in (0, 1).
    weight: β.
    decay: share of the running sums that is kept at each batch; 0 looks at the batch alone.
    """

    total: Tensor
    count: Tensor

    def __init__(self, units: int, rho: float, weight: float, decay: float) -> None:
        super().__init__()
        if not 0 < rho < 1:
            raise Mistake(f"sparsity.rho={rho}: a unit's wanted mean activation lies between 0 and 1")
        if not 0 <= weight < math.inf:
            raise Mistake(f"sparsity.weight={weight}: a penalty's weight is a number from 0 upwards")
        if not 0 <= decay < 1:
            raise Mistake(f"sparsity.decay={decay}: the kept share of a running mean lies in [0, 1)")
        self.rho, self.weight, self.decay = rho, weight, decay
        self.register_buffer("total", torch.zeros(units))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, codes: Tensor) -> dict[str, Tensor]:
        """``sparsity``: the weighted penalty of codes ``[B, units]``; moves the running mean."""
        with torch.autocast(codes.device.type, enabled=False):
            full = widened(codes)
            summed = torch.cat([full.sum(0), full.new_full((1,), len(codes))])
            summed = sum_over_ranks(summed) if dist.is_initialized() else summed
            total, count = summed[:-1], summed[-1].detach()
            with torch.no_grad():
                self.total.mul_(self.decay).add_(total)
                self.count.mul_(self.decay).add_(count)
            mean = total / count
            value = (self.total / self.count).clamp(_NEAREST_0, 1 - _NEAREST_1)
            return {"sparsity": self.weight * divergence(self.rho, value + (mean - mean.detach())).sum()}


def divergence(rho: float, rho_hat: Tensor) -> Tensor:
    """KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂)) of two coins, elementwise, in nats."""
    return rho * (math.log(rho) - rho_hat.log()) + (1 - rho) * (math.log1p(-rho) - (-rho_hat).log1p())
