"""A small DCGAN on the embedded digits, and a trainer without decorations."""

from collections.abc import Callable
from typing import Any

import pytest
from pytorch_lightning import Callback, Trainer, seed_everything

from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.data.images import ImageData
from atelier.model.gan import GAN

SMALL = ["model.generator.width=8", "model.critic.network.width=8", "data.batch_size=16", "data.subset=96"]
SMALL_MLP = ["model=gan", "model.generator.width=32", "model.critic.network.width=32", *SMALL[2:]]


@pytest.fixture
def make() -> Callable[..., tuple[GAN, ImageData]]:
    """Words -> the model and data that the command line would build of them."""

    def made(*words: str) -> tuple[GAN, ImageData]:
        register_resolvers()
        cfg, mistakes = compose(conf_dir(), "train", [*SMALL, *words])
        assert cfg is not None, mistakes
        assert not mistakes
        seed_everything(cfg.seed, verbose=False)
        return build(cfg.model), build(cfg.data)

    return made


@pytest.fixture
def fit() -> Callable[..., Trainer]:
    """Train for some epochs of six batches on the CPU."""

    def fitted(model: GAN, data: ImageData, *callbacks: Callback, epochs: int = 1, **options: Any) -> Trainer:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            **{"limit_val_batches": 0, **options},
        )
        trainer.fit(model, data)
        return trainer

    return fitted
