"""Half precision with two optimizers: one scaler, clipping of true gradients, full precision where it counts."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.precision.amp import MixedPrecision
from torch import Tensor
from torch.optim import Optimizer

from atelier.cli import run
from atelier.config.build import build
from atelier.game.turn import evaluating
from atelier.model.gan import GAN
from atelier.task.precision import multiplying, settle, unsuitable
from together import Outcome, step

Compose = Callable[..., DictConfig]

SMALL = ["model=gan", "data=digits", "data.image_size=8", "data.batch_size=16", "model.generator.width=16"]
SMALL += ["model.critic.network.width=16", "latent.dim=8", "trainer=cpu", "trainer.limit_val_batches=0"]
SMALL += ["trainer.max_epochs=1"]

HALVES = ("bf16-mixed", "16-mixed")
OBJECTIVES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic")
PENALTIES = ("none", "r1", "r1_r2", "gradient_penalty")
SOME = list(zip(HALVES * 3, OBJECTIVES, PENALTIES * 2, strict=False))
"""Every objective, and with them every penalty."""


def half(kind: str, *words: str, steps: int = 1, callbacks: tuple[Callback, ...] = ()) -> Outcome:
    """Some steps of a small game in "16-mixed" (which the plugin alone gives on a processor), "bf16-mixed" or "32"."""
    limits = [f"trainer.limit_train_batches={steps}"]
    if kind == "16-mixed":
        plugin = MixedPrecision("16-mixed", device="cpu")
        return step([*SMALL, *words, *limits, "~trainer.precision"], *callbacks, plugins=[plugin])
    return step([*SMALL, *words, *limits, f"trainer.precision={kind}"], *callbacks)


class Gradients(Callback):
    """Every player's gradient as one vector, as its optimizer finds it before it is clipped, and afterwards."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []
        self.used: list[Tensor] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.found.append(vector(optimizer))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self.used = [vector(optimizer) for optimizer in trainer.optimizers]


def vector(optimizer: Optimizer) -> Tensor:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return torch.cat([parameter.grad.flatten().clone() for parameter in parameters if parameter.grad is not None])


@pytest.mark.parametrize("kind", HALVES)
def test_clipping_acts_on_true_gradients(kind: str) -> None:
    clip, true, mixed = 0.01, Gradients(), Gradients()
    half("32", f"model.clip={clip}", callbacks=(true,))
    fused = str(kind == "bf16-mixed").lower()  # a fused step under float16 is refused: see below
    half(kind, f"model.clip={clip}", f"model.generator_optimizer.fused={fused}", callbacks=(mixed,))
    for player in range(2):
        assert true.found[player].norm() > 2 * clip  # there is something to clip
        assert mixed.used[player].norm().item() == pytest.approx(clip, rel=1e-4)
    # D's first gradient comes from the same weights and images; a scale of 65,536 in it would be seen.
    assert mixed.found[0].norm().item() == pytest.approx(true.found[0].norm().item(), rel=0.05)
    assert torch.cosine_similarity(mixed.used[0], true.used[0], dim=0) > 0.99


class Spoiler(Callback):
    """Puts an infinity into a gradient of D in the step ``at``, and keeps what was before that step and after it."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == self.at:
            self.before = photograph(trainer, pl_module)
            weight = next(pl_module.critic.parameters())
            self._hook = weight.register_hook(lambda gradient: torch.full_like(gradient, math.inf))

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == self.at:
            self._hook.remove()
            self.after = photograph(trainer, pl_module)


def photograph(trainer: Trainer, model: Any) -> dict[str, Any]:
    plugin = trainer.precision_plugin
    assert isinstance(plugin, MixedPrecision) and plugin.scaler is not None
    moments = [copy.deepcopy(optimizer.state_dict()["state"]) for optimizer in trainer.optimizers]
    return {
        "d": copy.deepcopy(model.critic.state_dict()),
        "g": copy.deepcopy(model.generator.state_dict()),
        "d moments": moments[0],
        "g moments": moments[1],
        "scale": plugin.scaler.get_scale(),
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return torch.equal(one, other) if isinstance(one, Tensor) else one == other


def test_an_infinity_in_the_discriminators_gradient_skips_its_step_alone() -> None:
    spoiler = Spoiler(at=3)
    half("16-mixed", steps=5, callbacks=(spoiler,))
    before, after = spoiler.before, spoiler.after
    assert same(before["d"], after["d"]) and same(before["d moments"], after["d moments"])
    assert not same(before["g"], after["g"]) and not same(before["g moments"], after["g moments"])
    assert after["scale"] == before["scale"] / 2  # one scaler for both


@pytest.mark.parametrize(("kind", "objective", "penalty"), SOME)
def test_losses_stay_finite(kind: str, objective: str, penalty: str) -> None:
    _play(kind, objective, penalty, steps=20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_stay_finite_for_long(kind: str, objective: str, penalty: str) -> None:
    _play(kind, objective, penalty, steps=500)


class Finite(Callback):
    """Every step's terms are numbers."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        self.steps += 1
        terms = pl_module.ledger.close()
        assert all(math.isfinite(value) for value in terms.values()), (self.steps, terms)


def _play(kind: str, objective: str, penalty: str, steps: int) -> None:
    finite, epochs = Finite(), -(-steps // 20)
    words = [f"objective={objective}", f"regularizer={penalty}", f"trainer.max_epochs={epochs}"]
    state = half(kind, *words, steps=20, callbacks=(finite,))["after"]
    assert finite.steps == 20 * epochs
    assert all(value.isfinite().all() for value in state.values())


def test_a_penalty_is_what_it_is_in_full_precision() -> None:
    full, mixed = (half(kind, "regularizer=r1")["terms"] for kind in ("32", "bf16-mixed"))
    assert mixed["d/r1"] == pytest.approx(full["d/r1"], rel=1e-6)
    assert mixed["g/adversarial"] != full["g/adversarial"]  # autocast was on


def test_evaluation_leaves_autocast() -> None:
    network, images = torch.nn.Linear(64, 8), torch.rand(4, 64)
    expected = network(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with evaluating(network):
            assert torch.equal(network(images), expected)
        assert network(images).dtype == torch.bfloat16


# --- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "meaning"), [(32, "32-true"), ("bf16", "bf16-mixed"), (16, "16-mixed"), ("bf16-mixed", "bf16-mixed")]
)
def test_short_words(word: int | str, meaning: str) -> None:
    cfg = OmegaConf.create({"trainer": {"precision": word}})
    settle(cfg)
    assert cfg.trainer.precision == meaning


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="auto finds a device here")
@pytest.mark.parametrize("trainer", ["auto", "ddp_cpu"])
def test_float16_on_a_processor_is_refused_by_name(trainer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", ["model=gan", f"trainer={trainer}", "trainer.precision=16"]) == 2
    assert "trainer.precision=16-mixed" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("model=cyclegan", "data=stripes"), ("model=gan",)])
def test_a_fused_optimizer_cannot_be_clipped_in_float16(words: tuple[str, ...], composed: Compose) -> None:
    cfg = composed(*words, "trainer=cpu", "trainer.precision=16-mixed", "model.clip=1.0")
    trainer = build(composed("trainer=cpu").trainer)(logger=False)
    said = "add model.generator_optimizer.fused=false"
    assert any(said in mistake for mistake in unsuitable(cfg, trainer))
    cfg.model.generator_optimizer.fused = False
    assert not any("fused" in mistake for mistake in unsuitable(cfg, trainer))


@pytest.mark.parametrize(("precision", "refused"), [("bf16-mixed", True), ("32-true", False)])
def test_lightning_clips_no_fused_optimizer_in_half_precision(precision: str, refused: bool, composed: Compose) -> None:
    words = ["model=autoencoder", "data=digits", "trainer=cpu", "+trainer.gradient_clip_val=1.0"]
    cfg = composed(*words, f"trainer.precision={precision}")
    trainer = build(composed("trainer=cpu").trainer)(logger=False)
    said = f"trainer.precision={precision} with trainer.gradient_clip_val"
    assert (
        any(text.startswith(said) and "model.optimizer.fused=false" in text for text in unsuitable(cfg, trainer))
        == refused
    )


@pytest.mark.parametrize(("tf32", "expected"), [(True, "tf32"), (False, "ieee")])
def test_tf32_by_one_word(tf32: bool, expected: str) -> None:
    places = [torch.backends.cuda.matmul, torch.backends.cudnn.conv]
    before = [place.fp32_precision for place in places]
    with multiplying(tf32):
        assert [place.fp32_precision for place in places] == [expected, expected]
    assert [place.fp32_precision for place in places] == before
    with multiplying(None):
        assert [place.fp32_precision for place in places] == before


def test_tf32_is_true_false_or_null(composed: Compose) -> None:
    cfg = composed("trainer=cpu", "tf32=fast")
    assert any(mistake.startswith("tf32=fast") for mistake in unsuitable(cfg, build(cfg.trainer)(logger=False)))


@pytest.mark.slow
def test_a_run_multiplies_as_its_word_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    matmul = torch.backends.cuda.matmul
    monkeypatch.setattr(GAN, "on_train_end", lambda self: found.append(matmul.fp32_precision))
    words = [word for word in SMALL if "limit_val" not in word]
    words += ["trainer.limit_train_batches=1", "callback.scoreboard=null", "callback.report=null"]
    for tf32 in ("true", "false"):
        assert run("train", [*words, f"tf32={tf32}", f"hydra.run.dir={tmp_path / tf32}"]) == 0
    assert found == ["tf32", "ieee"]
