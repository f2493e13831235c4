"""``gradient_checkpointing=true`` in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from omegaconf import DictConfig

from atelier.config.build import build
from atelier.network.recompute import Segment
from atelier.task.gradient_checkpointing import enable_gradient_checkpointing, gradient_checkpointing_mistakes
from atelier.types import Mistake

Compose = Callable[..., DictConfig]

CYCLEGAN = ["model=cyclegan", "data=stripes", "generator.width=2", "discriminator.width=2"]
WORD = "gradient_checkpointing=true"


@pytest.mark.parametrize("generator", ["resnet_6blocks", "unet_128"])
def test_every_segment_of_both_generators_forgets(generator: str, composed: Compose) -> None:
    words = [*CYCLEGAN, f"generator={generator}", "data.image_size=128"]
    model = build(composed(*words).model)
    enable_gradient_checkpointing(composed(*words), model)
    segments = [part for part in model.modules() if isinstance(part, Segment)]
    assert not any(segment.forgets for segment in segments)
    cfg = composed(*words, WORD)
    assert gradient_checkpointing_mistakes(cfg) == []
    enable_gradient_checkpointing(cfg, model)
    assert segments and all(segment.forgets for segment in segments)


@pytest.mark.parametrize("model", ["model=dcgan", "model=autoencoder"])
def test_where_nothing_can_be_forgotten_the_word_is_refused(model: str, composed: Compose) -> None:
    (mistake,) = gradient_checkpointing_mistakes(composed(model, "data=digits", WORD))
    assert "none of these networks" in mistake


def test_where_nothing_is_asked_for_no_model_is_built(composed: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atelier.task.gradient_checkpointing.build", None)
    assert gradient_checkpointing_mistakes(composed(*CYCLEGAN)) == []


def test_running_statistics_and_compiling_do_not_go_together(composed: Compose) -> None:
    batch = "generator.norm._target_=torch.nn.modules.batchnorm.BatchNorm2d"
    assert gradient_checkpointing_mistakes(composed(*CYCLEGAN, WORD, batch)) == []
    assert gradient_checkpointing_mistakes(composed(*CYCLEGAN, WORD, "compile=true")) == []
    with pytest.raises(Mistake, match="compile=true"):
        cfg = composed(*CYCLEGAN, WORD, batch, "compile=true")
        enable_gradient_checkpointing(cfg, build(cfg.model))
