"""A CycleGAN step: a plain rendering of the public implementation's loop against atelier, in turns in one process.

    uv run benchmarks/cyclegan_step.py                  # 128 and 256 px, float32 and bf16
    uv run benchmarks/cyclegan_step.py --only 128 --steps 4

Batch 1, resnet_9blocks and the 70 x 70 critic of width 64, all losses on. The plain loop is written after
junyanz/pytorch-CycleGAN-and-pix2pix: torch's own instance norm, every image through a generator by itself, D's
gradients off in G's turn, Adam as it comes. Both start from the same weights; before timing starts their first losses
must agree to 1e-4 (float32), and the distance of both sides' gradients from the plain loop's in float64 is printed.
Atelier's step goes the whole way round Lightning's loop, with logging. Order of steps: ours, plain, plain, ours.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import platform
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.clock import Clock
from atelier.callback.journal import Journal
from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.model.cyclegan import CycleGAN
from atelier.network.reference import to_reference
from atelier.types import UnpairedBatch

LOSSES = ("adversarial_a_to_b", "adversarial_b_to_a", "cycle_a", "cycle_b", "identity_a", "identity_b")


class Block(nn.Module):
    """The residual block of the public implementation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(True), *copy.deepcopy(half))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` to the same shape."""
        return x + self.conv_block(x)


class Plain(nn.Module):
    """A stack of layers under the name that the public implementation saves it by."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """What the layers make of ``x``."""
        return self.model(x)


def plain_generator(width: int = 64) -> Plain:
    """resnet_9blocks."""
    norm = nn.InstanceNorm2d
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), norm(width), nn.ReLU(True)]
    for c in (width, 2 * width):
        layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), norm(2 * c), nn.ReLU(True)]
    layers += [Block(4 * width) for _ in range(9)]
    for c in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1), norm(c // 2), nn.ReLU(True)]
    return Plain(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def plain_critic(width: int = 64) -> Plain:
    """The basic discriminator."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for c, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(c, 2 * c, 4, stride, 1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
    return Plain(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class PlainLoop:
    """The four networks and one step as the public implementation makes it."""

    def __init__(self, model: CycleGAN, dtype: torch.dtype) -> None:
        pairs = (model.a_to_b, plain_generator()), (model.b_to_a, plain_generator())
        pairs += (model.critic_b.network, plain_critic()), (model.critic_a.network, plain_critic())
        for ours, plain in pairs:
            plain.load_state_dict(to_reference(ours))
        self.g_a, self.g_b, self.d_a, self.d_b = (plain.to(dtype) for _, plain in pairs)
        self.g_adam = torch.optim.Adam(
            itertools.chain(self.g_a.parameters(), self.g_b.parameters()), 2e-4, (0.5, 0.999)
        )
        self.d_adam = torch.optim.Adam(
            itertools.chain(self.d_a.parameters(), self.d_b.parameters()), 2e-4, (0.5, 0.999)
        )
        self.pools: tuple[list[Tensor], list[Tensor]] = ([], [])

    def step(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Both turns; the losses as the public implementation logs them, under our names."""
        fake_b, fake_a = self.g_a(a), self.g_b(b)
        rec_a, rec_b = self.g_b(fake_b), self.g_a(fake_a)
        self._judging(False)
        self.g_adam.zero_grad()
        losses = {
            "identity_b": F.l1_loss(self.g_a(b), b) * 5.0,
            "identity_a": F.l1_loss(self.g_b(a), a) * 5.0,
            "adversarial_a_to_b": self._gan(self.d_a(fake_b), 1.0),
            "adversarial_b_to_a": self._gan(self.d_b(fake_a), 1.0),
            "cycle_a": F.l1_loss(rec_a, a) * 10.0,
            "cycle_b": F.l1_loss(rec_b, b) * 10.0,
        }
        torch.stack(list(losses.values())).sum().backward()
        self.g_adam.step()
        self._judging(True)
        self.d_adam.zero_grad()
        for critic, real, fake, pool in ((self.d_a, b, fake_b, self.pools[0]), (self.d_b, a, fake_a, self.pools[1])):
            shown = self._pooled(fake.detach(), pool)
            (0.5 * (self._gan(critic(real), 1.0) + self._gan(critic(shown), 0.0))).backward()
        self.d_adam.step()
        return losses

    def _judging(self, learns: bool) -> None:
        for parameter in itertools.chain(self.d_a.parameters(), self.d_b.parameters()):
            parameter.requires_grad = learns

    @staticmethod
    def _gan(prediction: Tensor, target: float) -> Tensor:
        return F.mse_loss(prediction, torch.tensor(target, dtype=prediction.dtype).expand_as(prediction))

    @staticmethod
    def _pooled(fake: Tensor, pool: list[Tensor]) -> Tensor:
        if len(pool) < 50:
            pool.append(fake)
            return fake
        if random.random() <= 0.5:
            return fake
        place = random.randrange(50)
        stored, pool[place] = pool[place], fake
        return stored

    def gradients(self) -> Tensor:
        """Both generators' as one vector in float64."""
        return torch.cat([_gradients(self.g_a), _gradients(self.g_b)])


def _gradients(plain: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten().double() for name, p in plain.named_parameters() if name.endswith("weight")])


class InTurns(Callback):
    """Plain steps between atelier's."""

    def __init__(self, steps: int, exact: bool) -> None:
        self.steps, self.exact = steps, exact
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self.errors = (float("nan"), float("nan"))
        self._since = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: UnpairedBatch, *_) -> None:
        """Before the first step: the same weights, the same batch."""
        if batch.step == 0:
            self.plain = PlainLoop(pl_module, torch.float32)
            self._true = PlainLoop(pl_module, torch.float64)
            self._expected = self.plain.step(batch.a, batch.b)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs, batch, batch_idx) -> None:
        """Stop the clock of atelier's step; after every second one the plain loop has two."""
        arrived = time.perf_counter()
        timed = batch.step >= 2
        if timed:
            self.ours.append(arrived - self._since)
        if batch.step == 0:
            self._compare(pl_module, batch)
        if batch.step % 2 == 0:
            for _ in range(2):
                started = time.perf_counter()
                self.plain.step(batch.a, batch.b)
                if timed:
                    self.theirs.append(time.perf_counter() - started)
        trainer.should_stop = min(len(self.ours), len(self.theirs)) >= self.steps
        self._since = time.perf_counter()

    def _compare(self, model: CycleGAN, batch: UnpairedBatch) -> None:
        row = model.ledger.close()
        for name in LOSSES:
            apart = abs(row[f"g/{name}"] / float(self._expected[name]) - 1)
            if self.exact and apart > 1e-4:
                raise SystemExit(f"{name}: {apart:.1e} apart from the plain loop: not the same mathematics")
        mine = []
        for ours, plain in ((model.a_to_b, plain_generator()), (model.b_to_a, plain_generator())):
            for parameter in ours.parameters():
                parameter.data, parameter.held = parameter.grad.clone(), parameter.data
            plain.load_state_dict(to_reference(ours))
            for parameter in ours.parameters():
                parameter.data = parameter.held
            weights = [
                value.flatten().double() for name, value in plain.state_dict().items() if name.endswith("weight")
            ]
            mine.append(torch.cat(weights))
        self._true.step(batch.a.double(), batch.b.double())
        true = self._true.gradients()
        self.errors = tuple(float((g - true).norm() / true.norm()) for g in (torch.cat(mine), self.plain.gradients()))
        del self._true


def _batches(size: int) -> Iterator[UnpairedBatch]:
    nothing = torch.zeros(1, dtype=torch.int64)
    for step in itertools.count():
        a, b = (torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(2 * step + k)) for k in (0, 1))
        yield UnpairedBatch(a * 2 - 1, b * 2 - 1, nothing, nothing, step, 0.0)


class Endless(torch.utils.data.IterableDataset):
    """Batches of noise for ever."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[UnpairedBatch]:
        return _batches(self.size)


def measure(size: int, precision: str, steps: int) -> InTurns:
    """Train on noise of that size, and time."""
    words = [
        "model=cyclegan",
        "data=stripes",
        f"data.image_size={size}",
        "trainer=cpu",
        f"trainer.precision={precision}",
    ]
    cfg, mistakes = compose(conf_dir(), "train", [*words, "trainer.max_epochs=200"])
    if cfg is None or mistakes:
        raise SystemExit("\n".join(mistakes))
    seed_everything(0, verbose=False)
    turns = InTurns(steps, exact=precision == "32-true")
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(cfg.trainer)(
            callbacks=[Clock(), Bookkeeping(50), turns],
            logger=[Journal(Path(folder))],
            default_root_dir=folder,
            limit_val_batches=0,
        )
        trainer.fit(build(cfg.model), DataLoader(Endless(size), batch_size=None))
    return turns


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, help="this size alone")
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each contender")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    register_resolvers()
    table = Table(title=f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    for column in ("step", "plain, ms", "atelier, ms", "times as fast", "quartiles", "gradient error: ours, plain"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for size, precision in itertools.product((128, 256), ("32-true", "bf16-mixed")):
        if arguments.only not in (None, size):
            continue
        turns = measure(size, precision, arguments.steps)
        ratios = [theirs / ours for ours, theirs in zip(turns.ours, turns.theirs)]  # noqa: B905  # steps come in twos
        low, middle, high = statistics.quantiles(ratios, n=4)
        plain, ours = (1000 * statistics.median(times) for times in (turns.theirs, turns.ours))
        errors = ", ".join(f"{error:.1e}" for error in turns.errors)
        name = f"{size} px, {precision} against 32-true" if precision != "32-true" else f"{size} px, {precision}"
        table.add_row(name, f"{plain:.0f}", f"{ours:.0f}", f"{middle:.2f}", f"{low:.2f}-{high:.2f}", errors)
    Console().print(table)


if __name__ == "__main__":
    main()
