"""What the machinery costs: the same DCGAN in a plain PyTorch loop and through atelier, step by step in turns.

    uv run benchmarks/overhead.py            # all workloads
    uv run benchmarks/overhead.py --share 0.2  # a fifth of the steps

Each atelier step is the whole way round Lightning's loop: loader, hooks, progress, logging every 50 steps. The plain
steps run between them on copies of the same networks, in the order ours, plain, plain, ours: both see one machine,
and neither is always the one that comes first. Before timing starts, both contenders must come to the same losses on
the same batch, latents and augmentations. Printed: the median of the pairwise ratios.
"""

from __future__ import annotations

import argparse
import copy
import platform
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from omegaconf import open_dict
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from atelier.callback.journal import Journal
from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.data.source import Images
from atelier.model.gan import GAN
from atelier.moment import Moment
from atelier.types import ImageBatch

WORKLOADS = {
    "the first run (dcgan_digits), batch 32": (800, ["experiment=dcgan_digits"]),
    "dcgan on digits, batch 64": (400, ["model=dcgan", "data=digits"]),
    "dcgan at 64 px, batch 128": (
        60,
        [
            "model=dcgan",
            "data=digits",
            "data.image_size=64",
            "data.batch_size=128",
            "model.generator.width=64",
            "model.critic.network.width=64",
        ],
    ),
}
"""Name -> timed steps of each contender, words for the command line."""


class Given(NamedTuple):
    """What one step of the plain loop plays with; ``None`` for chance of its own."""

    real: torch.Tensor
    labels: torch.Tensor | None
    latents: list[torch.Tensor]
    chances: list[Moment]


class PlainLoop:
    """The game as one would write it by hand: the public DCGAN example's loop, with a moving average of G."""

    def __init__(self, model: GAN, data: Images, batch_size: int) -> None:
        self.generator = copy.deepcopy(model.generator)
        self.discriminator = copy.deepcopy(model.critic.network)
        self.average = copy.deepcopy(self.generator).eval()
        self.augment, self.conditional = model.critic.augment, model.num_classes is not None
        d_optimizer, g_optimizer = model.configure_optimizers()
        # As the example makes them, where a recipe may have chosen a faster kernel of the same formula.
        self.d_optimizer = type(d_optimizer)(self.discriminator.parameters(), **d_optimizer.defaults | {"fused": None})
        self.g_optimizer = type(g_optimizer)(self.generator.parameters(), **g_optimizer.defaults | {"fused": None})
        self.data, self.batch_size, self.latent_dim = data, batch_size, model.latent.dim
        self.steps = 0

    def draw(self) -> Given:
        """A batch, its latents and its augmentations."""
        rows = torch.randint(len(self.data.pixels), (self.batch_size,))
        real = self.data.pixels[rows].float().div_(127.5).sub_(1)
        latents = [torch.rand(self.batch_size, self.latent_dim) * 2 - 1 for _ in range(2)]
        labels = self.data.labels[rows] if self.conditional else None
        return Given(real, labels, latents, [Moment(1, self.steps).within(name) for name in ("r", "f", "g")])

    def step(self, given: Given | None = None) -> tuple[float, float]:
        """One round of the game; losses are read every 50 steps only."""
        real, labels, latents, chances = given or self.draw()
        with torch.no_grad():
            fake = self.generator(latents[0], labels)
        real_logits = self.discriminator(self.augment(real, chances[0]), labels)
        fake_logits = self.discriminator(self.augment(fake, chances[1]), labels)
        d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(False)
        fake = self.generator(latents[1], labels)
        g_loss = F.softplus(-self.discriminator(self.augment(fake, chances[2]), labels)).mean()
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(True)

        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mine.lerp_(theirs, 0.001)
        self.steps += 1
        return (d_loss.item(), g_loss.item()) if self.steps % 50 == 1 else (0.0, 0.0)


class InTurns(Callback):
    """Plain steps between atelier's; stands last, so that all other callbacks have done their work."""

    def __init__(self, warm_up: int, steps: int) -> None:
        self.warm_up, self.steps = warm_up, steps
        self.plain: PlainLoop | None = None
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self._since = 0.0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: ImageBatch, batch_idx: int
    ) -> None:
        """Before the first step: both contenders from the same weights on the same batch."""
        if self.plain is None:
            assert isinstance(pl_module, GAN)
            self.plain = PlainLoop(pl_module, trainer.datamodule.split("train").images, batch.size)
            d, g = (Moment(pl_module.seed, batch.step).within(player) for player in "dg")
            latents = [pl_module.latent.draw(turn, "latent", batch.size) for turn in (d, g)]
            chances = [d.within("part 0").within(kind) for kind in ("real", "fake")]
            chances.append(g.within("part 0").within("fake"))
            labels = batch.labels if self.plain.conditional else None
            self._expected = self.plain.step(Given(batch.images, labels, latents, chances))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Stop the clock of atelier's step; after every second one the plain loop has two."""
        arrived = time.perf_counter()
        timed = batch.step >= self.warm_up
        if batch.step == 0:
            self._compare(pl_module)
        if timed:
            self.ours.append(arrived - self._since)
        if batch.step % 2 == 0:
            for _ in range(2):
                started = time.perf_counter()
                self.plain.step()
                if timed:
                    self.theirs.append(time.perf_counter() - started)
        trainer.should_stop = min(len(self.ours), len(self.theirs)) >= self.steps
        self._since = time.perf_counter()

    def _compare(self, model: GAN) -> None:
        row = model.ledger.close()
        for name, expected in zip(("d/loss", "g/loss"), self._expected, strict=True):
            if abs(row[name] - expected) > 1e-5 * abs(expected):
                raise SystemExit(
                    f"{name}: {row[name]} through atelier, {expected} in the plain loop: not the same game"
                )


def measure(words: list[str], steps: int) -> InTurns:
    """Train with every default callback on, and time."""
    cfg, mistakes = compose(conf_dir(), "train", [*words, "trainer.max_epochs=1000000", "trainer=cpu"])
    if cfg is None or mistakes:
        raise SystemExit("\n".join(mistakes))
    with tempfile.TemporaryDirectory() as folder, open_dict(cfg):
        cfg.run_dir = folder
        cfg.trainer.check_val_every_n_epoch = 1_000_000
        seed_everything(cfg.seed, verbose=False)
        turns = InTurns(warm_up=6, steps=steps)
        # The report and the closing panel come after the last step; they are not part of one.
        names = [name for name in cfg.callback if name not in ("report", "summary", "gallery", "checkpoints")]
        callbacks = [build(cfg.callback[name]) for name in names]
        trainer = build(cfg.trainer)(
            callbacks=[*callbacks, turns], logger=[Journal(Path(folder))], default_root_dir=folder, limit_val_batches=0
        )
        trainer.fit(build(cfg.model), build(cfg.data))
    return turns


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the timed steps")
    parser.add_argument("--only", default="", help="the workloads whose names hold this text")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    register_resolvers()
    table = Table(title=f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    for column in ("workload", "plain, ms", "atelier, ms", "ratio", "quartiles", "steps"):
        table.add_column(column, justify="left" if column == "workload" else "right")
    for name, (steps, words) in WORKLOADS.items():
        if arguments.only not in name:
            continue
        turns = measure(words, max(4, round(arguments.share * steps)))
        ratios = [ours / theirs for ours, theirs in zip(turns.ours, turns.theirs)]  # noqa: B905  # steps come in twos
        low, middle, high = statistics.quantiles(ratios, n=4)
        plain, ours = (1000 * statistics.median(times) for times in (turns.theirs, turns.ours))
        table.add_row(name, f"{plain:.1f}", f"{ours:.1f}", f"{middle:.3f}", f"{low:.3f}-{high:.3f}", str(len(ratios)))
    Console().print(table)


if __name__ == "__main__":
    main()
