"""One run's worth of training steps, alone or in two processes that share every batch."""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn

import atelier.task.train  # noqa: F401  # heavy, and what a run needs
from atelier.callback.clock import Clock
from atelier.callback.recorder import boards_of
from atelier.cli import run
from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.words import conf_dir
from atelier.data.batches import OrderedBatches
from atelier.metric.distortion import Distortion
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.frechet import FrechetDistance
from atelier.metric.inception_score import InceptionScore
from atelier.metric.kernel import KernelDistance
from atelier.metric.neighbours import DensityCoverage, PrecisionRecall
from atelier.model.gan import GAN
from atelier.network.instance_norm import InstanceNorm
from atelier.network.resnet import ResNetGenerator
from atelier.network.shared_norm import SharedBatchNorms
from atelier.types import Features

Outcome = dict[str, Any]

BYPASS = "a backward pass of one's own"
"""The case in which the game goes backward without Lightning."""


def step(words: Sequence[str], *callbacks: Callback, plugins: Sequence[Any] = ()) -> Outcome:
    """Train the model of ``words``.

    Gives its state ``before`` and ``after``, the means of its ``terms``, every board's ``scores``, and ``resting``: the
    names of the parameters that had no gradient at the end.
    """
    register_resolvers()
    cfg, mistakes = compose(conf_dir(), "train", words)
    assert cfg is not None, mistakes
    assert (wrong := mistakes + misfits(cfg, set())) == [], wrong
    torch.set_num_threads(1)
    seed_everything(cfg.seed, verbose=False)
    model, data = build(cfg.model), build(cfg.data)
    assert isinstance(model, LightningModule)
    before = state(model)
    boards = [build(cfg.callback.scoreboard)] if cfg.callback.get("scoreboard") else []
    if cfg.callback.get("appraisal"):
        boards.append(build(cfg.callback.appraisal))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer: Trainer = build(cfg.trainer)(
            logger=False,
            enable_checkpointing=False,
            callbacks=[Clock(), *boards, *callbacks],
            plugins=[*([SharedBatchNorms()] if cfg.trainer.sync_batchnorm else []), *plugins],
        )
        trainer.fit(model, data)
    scores: dict[str, float] = {}
    for board in boards_of(trainer):
        for row in board.history.rows[-1:]:
            scores |= row
    terms, resting = model.ledger.close(), [name for name, weight in model.named_parameters() if weight.grad is None]
    return {"before": before, "after": state(model), "terms": terms, "scores": scores, "resting": resting}


def state(model: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers by name, without :func:`idle` biases."""
    left_out = set(idle(model))
    return {name: value.clone() for name, value in model.state_dict().items() if name not in left_out}


IDLE_IN_BLOCKS = re.compile(
    r"blocks\.\d+\.((shortcut\.0|residual\.6)\.bias|residual\.0\..*running_mean)|last\.0\.running_mean"
)
"""The biases of a residual block's last convolutions, and the running means of the norms that see their sum."""


def idle(model: nn.Module) -> Iterator[str]:
    """Biases that a norm takes away again, and the means that they shift: Adam follows a zero gradient's rounding."""
    for path, stack in model.named_modules():
        if isinstance(stack, ResNetGenerator):  # each a constant of every channel, up to the last BatchNorm
            yield from (f"{path}.{name}" for name in stack.state_dict() if IDLE_IN_BLOCKS.fullmatch(name))
        if isinstance(stack, nn.Sequential):
            for (name, _), (_, behind) in pairwise(stack.named_children()):
                if isinstance(behind, InstanceNorm):
                    yield f"{path}.{name}.bias"


# --- one of two processes -------------------------------------------------------------------------------------------


def member(rank: int, port: int, work: Callable[..., None], *given: Any) -> None:
    """The body of a process that somebody started beside another one: does ``work(rank, *given)``."""
    os.environ |= {"LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    work(rank, *given)


def take_rates(rank: int, words: Sequence[str], place: Path) -> None:
    """``train`` with ``words`` in ``place``; the learning rates at its end go to ``<rank>.json``."""

    def note(game: GAN) -> None:
        rates = [group["initial_lr"] for optimizer in game.player_optimizers() for group in optimizer.param_groups]
        (place / f"{rank}.json").write_text(json.dumps(rates), encoding="utf-8")

    os.chdir(place)
    GAN.on_train_end = note  # type: ignore[method-assign]  # in this process alone
    sys.exit(run("train", words))


def take_scores(rank: int, place: Path) -> None:
    """:func:`scores_of_stored_features`, of which this rank has its part alone, go to ``<rank>.json``."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    (place / f"{rank}.json").write_text(json.dumps(scores_of_stored_features(rank, 2)), encoding="utf-8")
    torch.distributed.destroy_process_group()


def scores_of_stored_features(rank: int = 0, world: int = 1) -> dict[str, float]:
    """All scores of 300 images and features of theirs, taken in batches as a validation takes them."""
    generator = torch.Generator().manual_seed(0)
    real, fake = (
        Features(torch.randn(300, 16, generator=generator), torch.randn(300, 5, generator=generator)) for _ in range(2)
    )
    assert real.logits is not None and fake.logits is not None
    images = torch.rand(2, 300, 1, 6, 6, generator=generator) * 2 - 1
    bank, distortion = FeatureBank(), Distortion()
    for draw in OrderedBatches(300, 64, rank=rank, world=world):
        piece = torch.from_numpy(draw.indices)
        bank.update(piece, Features(fake.features[piece], fake.logits[piece]))
        distortion.update(*images[:, piece])
    gathered, lost = bank.compute(), distortion.compute()
    taken = (FrechetDistance(), KernelDistance(20, 50, 0), InceptionScore(3), PrecisionRecall(3), DensityCoverage(5))
    figures = {name: value for score in taken for name, value in score(real, gathered).items()}
    return {**figures, **lost, "images": distortion.count}


def take_steps(rank: int, cases: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Every case's outcome goes to ``<case>.<rank>.pt``."""
    for name, words in cases.items():
        if name == BYPASS:
            GAN.manual_backward = lambda self, loss: loss.backward()  # type: ignore[method-assign]  # the last case
        torch.save(step(words), folder / f"{name}.{rank}.pt")
    torch.distributed.destroy_process_group()
