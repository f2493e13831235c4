"""Encoder and decoder that learn from nothing but the images themselves."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from atelier.game.learning_rate import noted, scheduled
from atelier.game.ledger import Ledger
from atelier.game.schedule import Schedule
from atelier.moment import Moment
from atelier.pixels import from_levels, to_levels
from atelier.regularizer.weight_decay import half_square
from atelier.types import ImageBatch, Judged, Mistake

log = logging.getLogger(__name__)


class Network(Protocol):
    """An encoder with its decoder, which know levels in [0, 1] and codes (an nn.Module)."""

    shape: tuple[int, int, int]
    units: int

    def encode(self, levels: Tensor) -> Tensor:
        """Codes ``[B, units]`` of levels ``[B, C, H, W]``."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """Levels ``[B, C, H, W]`` of codes ``[B, units]``."""
        ...

    def filters(self) -> Mapping[str, Tensor]:
        """The weights next to the pixels as images ``[n, C, h, w]``, by name."""
        ...


class Autoencoder(LightningModule):
    """Autoencoder, whatever its network, reconstruction, corruption and penalty on the code.

    The loss is reconstruction(x̂, x) + penalty(code) + λ/2 ΣW², x̂ being made of a corrupted x. Networks and losses
    see levels in [0, 1]; this module takes and gives images in [-1, 1].

    network: encoder and decoder (see :class:`Network`).
    reconstruction: (x̂, x) → loss.
    corruption: what the image suffers before it is encoded, while training.
    sparsity: codes → named terms, weighted already.
    weight_decay: λ; biases do not decay.
    initialize: sets the first weights.
    optimizer: parameters → optimizer.
    schedule: factor of the learning rate over the epochs.
    seed: of the corruption.
    """

    def __init__(
        self,
        *,
        network: nn.Module,
        reconstruction: Callable[[Tensor, Tensor], Tensor],
        corruption: Callable[[Tensor, Moment], Tensor],
        sparsity: nn.Module,
        weight_decay: float,
        initialize: Callable[[nn.Module], None],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Schedule,
        seed: int,
    ) -> None:
        super().__init__()
        if not 0 <= weight_decay < math.inf:
            raise Mistake(f"model.weight_decay={weight_decay}: a number from 0 upwards")
        self.network, self.sparsity = network, sparsity
        self.reconstruction, self.corruption = reconstruction, corruption
        self.weight_decay, self.seed = weight_decay, seed
        self._pass = self._coded
        initialize(network)
        self._make_optimizer, self.schedule = optimizer, schedule
        self.ledger = Ledger()

    # --- learning -------------------------------------------------------------------------------------------

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        """The loss of a batch (Ng 2011, sections 2 and 3; Vincent et al. 2010, section 3, where x is corrupted)."""
        levels = to_levels(batch.images.to(self.dtype))
        codes, made = self._pass(self.corruption(levels, self._moment(batch)))
        terms = {"reconstruction": self.reconstruction(made, levels)}
        terms |= self.sparsity(codes)
        if self.weight_decay:
            terms["weight_decay"] = self.weight_decay * half_square(self.network)
        loss = torch.stack(list(terms.values())).sum()
        self.ledger.enter({f"train/{name}": value for name, value in (terms | {"loss": loss}).items()})
        return loss

    def compile_networks(self, **options: Any) -> None:
        """Compile encoder and decoder for training (``options`` as for :func:`torch.compile`)."""
        self._pass = torch.compile(self._coded, **options)

    def _coded(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Codes ``[B, K]`` of levels ``[B, C, H, W]``, and the levels that these are decoded to."""
        codes = self._network.encode(levels)
        return codes, self._network.decode(codes)

    def _moment(self, batch: ImageBatch) -> Moment:
        world, device = self.trainer.world_size, batch.images.device
        return Moment(self.seed, batch.step, batch.epoch, self.global_rank, world, device).within("corruption")

    def configure_optimizers(self) -> Optimizer:
        """One optimizer of all weights."""
        [optimizer] = noted([self._make_optimizer(self.network.parameters())])
        return optimizer

    def on_train_batch_start(self, batch: ImageBatch, batch_idx: int) -> None:
        """Set what the schedule says."""
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        scheduled([optimizer], self.schedule(batch.epoch))

    def on_fit_start(self) -> None:
        """Say so where the code has room for a copy of the image."""
        numbers = math.prod(self._network.shape)
        if self._network.units > numbers:
            log.warning(
                "network.units=%d: the code is wider than the image (%d numbers), so copying would do; "
                "sparsity=kl, code=topk or corruption=masking make it learn something else",
                self._network.units,
                numbers,
            )

    # --- what others may ask --------------------------------------------------------------------------------

    # Lightning would have a loss or a mapping here; what a callback gets is whatever is returned.
    def validation_step(self, batch: ImageBatch, batch_idx: int) -> Judged:  # type: ignore[override]
        """Each image with its reconstruction."""
        with torch.autocast(batch.images.device.type, enabled=False):  # as the checkpoint will be used
            levels = self._network.decode(self._network.encode(to_levels(batch.images.to(self.dtype))))
        return Judged(batch.images, _images(levels), batch.indices)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``[B, K]`` of images ``[B, C, H, W]`` in [-1, 1]; raises Mistake for pixels that are no numbers."""
        return self._network.encode(to_levels(self._accepted(images).to(self.dtype)))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Images ``[B, C, H, W]`` in [-1, 1] of codes ``[B, K]``."""
        return _images(self._network.decode(codes))

    def reconstruct(self, images: Tensor) -> Tensor:
        """What is left of images ``[B, C, H, W]`` in [-1, 1] when they have passed the code: the same shape."""
        return self.decode(self.encode(images))

    def between(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """Walks on straight lines through code space: ``[B * steps, C, H, W]``, row after row, of two ``[B, ...]``."""
        start, end = self.encode(first)[:, None], self.encode(second)[:, None]
        shares = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)
        codes = torch.lerp(start, end, shares[None, :, None])
        return self.decode(codes.flatten(0, 1))

    def filters(self) -> Mapping[str, Tensor]:
        """The weights next to the pixels as images ``[n, C, h, w]``, by name."""
        return self._network.filters()

    @property
    def _network(self) -> Network:
        network: Network = self.network  # type: ignore[assignment]  # an nn.Module, and held as one to be registered
        return network

    def _accepted(self, images: Tensor) -> Tensor:
        shape = self._network.shape
        if tuple(images.shape[1:]) != shape:
            raise Mistake(f"images of {tuple(images.shape[1:])}: this model was trained on {shape} (channels, h, w)")
        broken = (~images.flatten(1).isfinite()).any(1).nonzero()
        if len(broken):
            raise Mistake(f"image {int(broken[0])} of the batch has pixels that are NaN or infinite")
        return images


def _images(levels: Tensor) -> Tensor:
    """Levels as images; a linear output may leave [0, 1], and pictures cannot."""
    return from_levels(levels.clamp(0.0, 1.0))
