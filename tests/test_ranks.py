"""Two processes that share every batch end where one process ends."""

from __future__ import annotations

import ast
import json
import math
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from atelier.cli import run
from together import BYPASS, Outcome, member, scores_of_stored_features, step, take_rates, take_scores, take_steps

pytestmark = pytest.mark.thorough

EXACT = ["trainer.precision=64-true", "trainer.max_epochs=2", "trainer.limit_val_batches=0"]
GAN = ["model=gan", "data=digits", "data.image_size=8", "data.subset=80", "data.batch_size=8"]
GAN += ["model.generator.width=8", "model.critic.network.width=8", "latent.dim=4", *EXACT]
DCGAN = ["model=dcgan", "data=digits", "data.image_size=16", "data.subset=80", "data.batch_size=8"]
DCGAN += ["model.generator.width=4", "model.critic.network.width=4", "latent.dim=4", *EXACT]
SNGAN = ["model=sngan", "condition=label", "data=digits", "data.image_size=32", "data.subset=80", "data.batch_size=8"]
SNGAN += ["model.generator.width=2", "model.critic.network.width=2", "latent.dim=4", *EXACT]
CODE = ["data=digits", "data.image_size=8", "data.subset=80", "data.batch_size=8", "network.units=6", *EXACT]
CYCLE = ["model=cyclegan", "data=stripes", "generator=resnet_6blocks", "generator.width=2", "discriminator.width=2"]
CYCLE += ["data.image_size=24", "data.source.train=20", "data.source.test=4", "data.batch_size=2", *EXACT]

LAWS = {
    "gradient penalty, several turns of D": [
        *GAN,
        "objective=wasserstein",
        "regularizer=gradient_penalty",
        "model.discriminator_turns=3",
    ],
    "R1 and augmentation": [*GAN, "regularizer=r1", "augment=diffaugment"],
    "accumulated parts, clipping and average": [
        *GAN,
        "objective=relativistic",
        "regularizer=gradient_penalty",
        "augment=diffaugment",
        "model.parts=2",
        "model.clip=0.5",
        "model.ema.decay=0.9",
    ],
    "DCGAN, shared BatchNorm and R1": [*DCGAN, "trainer.sync_batchnorm=true", "regularizer=r1"],
    "CycleGAN without pools": [*CYCLE, "model.pool_a.capacity=0", "augment=diffaugment", "regularizer=r1"],
    "DCGAN, gradient penalty and augmentation": [
        *DCGAN,
        "trainer.sync_batchnorm=true",
        "model.critic.network.norm=null",
        "objective=wasserstein",
        "regularizer=gradient_penalty",
        "augment=diffaugment",
    ],
    "SNGAN with classes": [*SNGAN, "trainer.sync_batchnorm=true", "regularizer=r1_r2", "augment=diffaugment"],
    "CycleGAN, gradient penalty and average": [
        *CYCLE,
        "model.pool_a.capacity=0",
        "regularizer=gradient_penalty",
        "model.ema={_target_:atelier.game.average.Average,_partial_:true,decay:0.9}",
    ],
    "autoencoder": ["model=autoencoder", "corruption=masking", *CODE],
    "sparse autoencoder": ["model=sparse_autoencoder", *CODE],
}
"""Twenty steps each, with a global batch of eight images (of two in the CycleGAN)."""

SCORED = ["trainer.limit_val_batches=null", "trainer.check_val_every_n_epoch=2", "data.eval_batch_size=100"]


def scored(words: Sequence[str]) -> list[str]:
    """``words`` with validation at the end."""
    return [*(word for word in words if "limit_val" not in word and "max_epochs" not in word), *SCORED, EXACT[1]]


AUTOENCODERS = {
    "conv": ["model=autoencoder", "network=conv", "code=sigmoid", "network.width=4", *CODE],
    "mlp": ["model=autoencoder", "network=mlp", "code=topk", "code.k=3", *CODE],
    "single": ["model=sparse_autoencoder", "network=single", *CODE],
}
"""One with each of their networks."""

SCORES = {
    "scores of a game": scored([*GAN, "regularizer=r1"]),
    "scores of an autoencoder": scored(LAWS["sparse autoencoder"]),
    "scores of a translator": scored(LAWS["CycleGAN without pools"]),
}

SLOW = {
    "R1 and augmentation",
    "DCGAN, gradient penalty and augmentation",
    "SNGAN with classes",
    "CycleGAN, gradient penalty and average",
    "autoencoder",
    "scores of an autoencoder",
    "scores of a translator",
}
"""Further cells: what is new in each, a quick case has as well."""

Pair = Callable[..., None]


@pytest.fixture(scope="module")
def pair(session_cache: Path) -> Pair:
    """Does ``work(rank, *given)`` in two processes that have torch from the beginning."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["together"])
    # Before Python 3.13 the server does not get our sys.path, and says nothing of a module that it does not find.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()

    def start(work: Callable[..., None], *given: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        members = [context.Process(target=member, args=(rank, port, work, *given)) for rank in range(2)]
        for process in members:
            process.start()
        for process in members:
            process.join(600)
        status = [process.exitcode for process in members]
        for process in members:
            process.kill()
        assert status == [0, 0]

    return start


Together = Callable[[str], list[Outcome]]


@pytest.fixture(scope="module")
def together(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Together:
    """A case's outcome on both of two ranks, which take all quick cases at once, or all slow ones."""
    folder = tmp_path_factory.mktemp("pair")
    cases = {name: [*words, "trainer=ddp_cpu"] for name, words in {**LAWS, **SCORES, BYPASS: GAN}.items()}

    def outcomes(case: str) -> list[Outcome]:
        files = [folder / f"{case}.{rank}.pt" for rank in range(2)]
        if not files[0].exists():
            alike = {name: words for name, words in cases.items() if (name in SLOW) is (case in SLOW)}
            pair(take_steps, alike, folder)
        return [torch.load(file, weights_only=False) for file in files]

    return outcomes


def cells(cases: Mapping[str, object]) -> list[Any]:
    """The names of ``cases`` for parametrize."""
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in cases]


def furthest(mine: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[float, str]:
    """The largest difference relative to a tensor's largest number, and where it is."""
    assert mine.keys() == other.keys()
    gaps = {name: apart(value.double(), other[name].double()) for name, value in mine.items() if value.numel()}
    worst = max(gaps, key=lambda name: gaps[name])
    return gaps[worst], worst


def apart(mine: Tensor, other: Tensor) -> float:
    gap = (mine - other).abs().max()
    return 0.0 if gap == 0 else (gap / other.abs().max()).nan_to_num(math.inf, math.inf).item()


@pytest.mark.parametrize("law", cells(LAWS))
def test_two_processes_are_one(law: str, together: Together) -> None:
    alone = step([*LAWS[law], "trainer=cpu"])
    before, after = alone["before"], alone["after"]
    first, second = (outcome["after"] for outcome in together(law))
    assert furthest(first, after)[0] < 1e-9, furthest(first, after)
    assert furthest(first, second)[0] == 0.0, furthest(first, second)
    assert min(apart(after[name], before[name]) for name in before if name.endswith("weight")) > 1e-3


@pytest.mark.parametrize("network", AUTOENCODERS)
def test_an_autoencoder_moves_all_its_weights(network: str) -> None:
    """As plain ddp takes for granted, which is what facts.players=1 asks for."""
    assert step([*AUTOENCODERS[network], "trainer=cpu", "trainer.limit_train_batches=1"])["resting"] == []


@pytest.mark.parametrize("law", cells(SCORES))
def test_scores_of_two_processes_are_those_of_one(law: str, together: Together) -> None:
    alone = step([*SCORES[law], "trainer=cpu"])["scores"]
    first, second = (outcome["scores"] for outcome in together(law))
    assert len(alone) > 3
    assert first == second
    assert first == pytest.approx(alone, rel=1e-5, abs=1e-9)


def test_scores_do_not_depend_on_the_ranks(pair: Pair, tmp_path: Path) -> None:
    pair(take_scores, tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in range(2))
    alone = scores_of_stored_features()
    features = {"fd", "kid", "inception_score", "precision", "recall", "density", "coverage"}
    assert alone.keys() == features | {"mse", "psnr", "ssim", "images"}
    assert first == second
    assert first == pytest.approx(alone, rel=1e-9)


@pytest.mark.slow
def test_a_resumed_run_takes_new_settings_on_every_rank(pair: Pair, tmp_path: Path) -> None:
    """Also where the ranks start apart: the second one finds the first one's new settings in the folder already."""
    words = [*GAN, "callback.report=null", "callback.scoreboard=null"]
    assert run("train", [*words, "trainer=cpu", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]) == 0
    new = ["trainer=ddp_cpu", "trainer.max_epochs=2", "model.generator_optimizer.lr=0.03125"]
    pair(take_rates, ["resume=run", *new], tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in range(2))
    assert first == second
    assert 0.03125 in first


# --- a backward pass that Lightning does not know of --------------------------------------------------------------


def test_nobody_goes_backward_behind_lightnings_back() -> None:
    """Under DDP such a pass is silent: the ranks' gradients are not averaged, and their weights part."""
    calls = [
        (file.name, node.lineno)
        for file in sorted((Path(__file__).parents[1] / "src" / "atelier").rglob("*.py"))
        if file.name not in ALONE
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
    ]
    assert calls == []


ALONE = {"fit_classifier.py"}
"""Training of other things than a run's model, by one process."""


def test_ranks_that_part_are_noticed(together: Together) -> None:
    first, second = (outcome["after"] for outcome in together(BYPASS))
    assert furthest(first, second)[0] > 1e-6
