"""Four training steps of the public implementation of CycleGAN, number for number.

tests/assets/cyclegan_four_steps.npz holds weights, batches, losses and images of junyanz/pytorch-CycleGAN-and-pix2pix,
run in float64 with its default recipe at a small size: resnet_9blocks and the basic discriminator of width 4, 64 x 64
pixels, batch 1, no image pool.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from atelier.augment.none import NoAugment
from atelier.game.critic import Critic
from atelier.game.ledger import Ledger
from atelier.game.pool import ImagePool
from atelier.game.schedule import Constant
from atelier.model.cyclegan import CycleGAN
from atelier.network.reference import from_reference, to_reference
from atelier.objective.least_squares import LeastSquares
from atelier.regularizer.none import NoRegularizer
from atelier.types import UnpairedBatch

STEPS = 4
LOSSES = {  # theirs: ours (their D_A judges domain b, and their idt_A is of domain b's images)
    "G_A": "g/adversarial_a_to_b",
    "G_B": "g/adversarial_b_to_a",
    "cycle_A": "g/cycle_a",
    "cycle_B": "g/cycle_b",
    "idt_A": "g/identity_b",
    "idt_B": "g/identity_a",
    "D_A": "d/b/adversarial",
    "D_B": "d/a/adversarial",
}


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Tensor]:
    with np.load(Path(__file__).parents[1] / "assets" / "cyclegan_four_steps.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def _part(recorded: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in recorded.items() if name.startswith(prefix)}


class _Precise(Ledger):
    """Keeps what was entered as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[dict[str, Tensor]] = []

    def enter(self, terms: Mapping[str, Tensor], weight: float = 1.0) -> None:
        self.steps[-1].update(terms)


class _Listener(Callback):
    def __init__(self) -> None:
        self.fakes: list[Tensor] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: UnpairedBatch, batch_idx: int) -> None:
        pl_module.ledger.steps.append({})
        if batch_idx == 0:
            fake_b = pl_module.translate(batch.a, "a_to_b")
            self.fakes = [fake_b, pl_module.translate(batch.b, "b_to_a"), pl_module.translate(fake_b, "b_to_a")]


def _train(recorded: Mapping[str, Tensor], dtype: torch.dtype) -> tuple[CycleGAN, list[dict[str, Tensor]], _Listener]:
    nets = {name: from_reference(_part(recorded, f"init/{name}/")) for name in ("G_A", "G_B", "D_A", "D_B")}

    def critic(network: nn.Module) -> Critic:
        return Critic(network, LeastSquares(), NoRegularizer(), NoAugment())

    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
    model = CycleGAN(
        a_to_b=nets["G_A"],
        b_to_a=nets["G_B"],
        critic_a=critic(nets["D_B"]),
        critic_b=critic(nets["D_A"]),
        pool_a=ImagePool(0),
        pool_b=ImagePool(0),
        lambda_a=10.0,
        lambda_b=10.0,
        identity=0.5,
        initialize=lambda network: None,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        schedule=Constant(),
        seed=0,
    ).to(dtype)
    model.ledger = _Precise()
    listener = _Listener()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[listener],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        trainer.fit(model, DataLoader(list(_batches(recorded, dtype)), batch_size=None))
    return model, model.ledger.steps, listener


def _batches(recorded: Mapping[str, Tensor], dtype: torch.dtype) -> Iterator[UnpairedBatch]:
    for step in range(STEPS):
        a, b = (recorded[f"step{step}/real_{side}"].to(dtype) for side in "AB")
        yield UnpairedBatch(a, b, torch.tensor([step]), torch.tensor([step]), step, 0.0)


def _distance(mine: Tensor, theirs: Tensor) -> float:
    return float((mine.detach().double() - theirs).norm() / theirs.norm())


def test_in_float64_images_losses_and_weights_are_the_reference_s(recorded: Mapping[str, Tensor]) -> None:
    model, steps, listener = _train(recorded, torch.float64)
    for mine, name in zip(listener.fakes, ("fake_B", "fake_A", "rec_A"), strict=True):
        assert _distance(mine, recorded[f"step0/{name}"]) < 1e-9, name
    for step, terms in enumerate(steps):
        for theirs, ours in LOSSES.items():
            expected = recorded[f"step{step}/loss_{theirs}"]
            assert _distance(terms[ours], expected) < 1e-9, (step, theirs)
    nets = {"G_A": model.a_to_b, "G_B": model.b_to_a, "D_A": model.critic_b.network, "D_B": model.critic_a.network}
    compared = 0
    for name, network in nets.items():
        final, first = _part(recorded, f"final/{name}/"), _part(recorded, f"init/{name}/")
        written = to_reference(network)
        assert written.keys() == final.keys()
        for key in final:
            if _normalised(name, key):
                continue
            assert _distance(written[key], final[key]) < 1e-9, (name, key)
            assert _distance(first[key], final[key]) > 1e-6, "it has moved"
            compared += 1
    assert compared == 2 * (24 + 1) + 2 * (5 + 2)  # all weights; biases of the last layers, and of D's first


def test_in_float32_the_first_step_s_losses_agree(recorded: Mapping[str, Tensor]) -> None:
    _, steps, _ = _train(recorded, torch.float32)
    for theirs, ours in LOSSES.items():
        assert _distance(steps[0][ours], recorded[f"step0/loss_{theirs}"]) < 1e-5, theirs


def _normalised(network: str, key: str) -> bool:
    """Whether it is a bias in front of an instance norm: its gradient is 0, and Adam steps along rounding noise."""
    if not key.endswith("bias"):
        return False
    last = {"G": "model.26.bias", "D": "model.11.bias"}[network[0]]
    return key != last and not (network[0] == "D" and re.fullmatch(r"model\.0\.bias", key))
