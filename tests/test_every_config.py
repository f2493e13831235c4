"""Every YAML of conf/ is a test case: described, composed, checked, built in a dry run, and every model trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from pytorch_lightning import seed_everything

from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.dry_run import dry_run
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.words import conf_dir, describe, groups
from atelier.metric.classifier import SHIPPED

Compose = Callable[..., DictConfig]

CONF = conf_dir()
OPTIONS = [(group, option) for group, options in groups(CONF).items() for option in options]
ROOTS = sorted(file.stem for file in CONF.glob("*.yaml"))

PARTNERS: dict[str, list[str]] = {
    "data=ring": ["model=gan"],
    "data=patches": ["model=sparse_autoencoder"],
    "sparsity=kl": ["model=sparse_autoencoder"],
    "metric=modes": ["model=gan", "data=ring"],
    "extractor=points": ["model=gan", "data=ring"],
    "picture=scatter": ["model=gan", "data=ring"],
    "extractor=classifier": [f"extractor.weights={SHIPPED / 'digits.pt'}"],
    "regularizer=gradient_penalty": ["model.critic.network.norm=null"],
    "generator=unet_128": ["model=cyclegan", "data=stripes", "data.image_size=128"],
    "generator=unet_256": ["model=cyclegan", "data=stripes", "data.image_size=256"],
    "extractor=none": ["model=cyclegan", "data=stripes"],
    "metric=translation": ["model=cyclegan", "data=stripes"],
    "model=cyclegan": ["data=stripes"],
}
"""What an option needs beside it, where the default composition is not a fitting one."""

FAMILIES = {
    "autoencoder": {"network", "code", "output", "reconstruction", "corruption", "sparsity"},
    "cyclegan": {"generator", "discriminator"},
}
"""A family's own axes."""

UNPAIRED = {file.stem for file in (CONF / "data").glob("*.yaml") if OmegaConf.load(file).facts.kind == "unpaired"}

MACHINES = {
    "trainer=gpu": torch.cuda.is_available(),
    "trainer=ddp": torch.cuda.is_available(),
    "trainer=mps": torch.backends.mps.is_available(),
}


def _partners(word: str) -> list[str]:
    group, _, option = word.partition("=")
    if word in PARTNERS:
        return PARTNERS[word]
    if group == "data" and option in UNPAIRED:
        return ["model=cyclegan"]
    if (group, option) in {("callback", "translation"), ("picture", "strips")}:
        return ["model=cyclegan", "data=stripes"]
    if group in FAMILIES["cyclegan"]:
        return ["model=cyclegan", "data=stripes"]
    if group in FAMILIES["autoencoder"] or word.endswith("=autoencoder"):
        return ["model=autoencoder"]
    return []


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONF)))
def test_every_yaml_begins_with_its_description(file: Path) -> None:
    text = describe(file)
    assert 10 <= len(text) <= 140, text
    assert "_target_" not in text


@pytest.mark.thorough
@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda value: value)
def test_every_option_composes_and_rehearses(group: str, option: str) -> None:
    register_resolvers()
    words = [f"{group}={option}", *_partners(f"{group}={option}")]
    cfg, mistakes = compose(CONF, "train", words)
    assert cfg is not None, mistakes
    assert mistakes + misfits(cfg, {group}) == []
    if MACHINES.get(words[0], True):
        assert dry_run(cfg) == []


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_composes(root: str) -> None:
    register_resolvers()
    needed = ["ckpt=some"] if OmegaConf.is_missing(OmegaConf.load(CONF / f"{root}.yaml"), "ckpt") else []
    cfg, mistakes = compose(CONF, root, needed)
    assert cfg is not None, mistakes
    assert mistakes + misfits(cfg, set()) + dry_run(cfg) == []


# --- and what composes also runs


def _train(cfg: DictConfig, batches: int) -> dict[str, float]:
    """Two looks at the reals on the way, as a run has them; the means of all terms."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        seed_everything(cfg.seed, verbose=False)
        model, data = build(cfg.model), build(cfg.data)
        trainer = build(cfg.trainer)(logger=False, enable_checkpointing=False, callbacks=[])
        trainer.fit(model, data)
    assert trainer.num_training_batches <= batches
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    means: dict[str, float] = model.ledger.close()
    assert all(torch.tensor(value).isfinite() for value in means.values()), means
    return means


def _limits(batches: int) -> list[str]:
    epochs = max(1, batches // 20)
    return [
        "trainer=cpu",
        f"trainer.max_epochs={epochs}",
        f"trainer.limit_train_batches={batches // epochs}",
        "trainer.limit_val_batches=1",
        "trainer.check_val_every_n_epoch=1",
    ]


GAN_SMALL = ["model.generator.width=8", "model.critic.network.width=8", "data.batch_size=16"]


TRANSLATOR_SMALL = [
    "model=cyclegan",
    "data=stripes",
    "data.image_size=32",
    "data.source.train=8",
    "data.source.test=4",
    "generator.width=4",
    "generator.blocks=1",
    "discriminator.width=4",
    "discriminator.layers=2",
]


@pytest.mark.parametrize("model", groups(CONF)["model"])
def test_every_model_trains_two_batches(model: str, composed: Compose) -> None:
    words = TRANSLATOR_SMALL if model == "cyclegan" else [f"model={model}", "data=digits"]
    assert _train(composed(*words, *_limits(2)), 2)


def test_a_grey_and_a_coloured_domain_train_and_are_judged(composed: Compose, tmp_path: Path) -> None:
    for domain, mode in (("A", "L"), ("B", "RGB")):
        for split in ("train", "test"):
            (tmp_path / f"{split}{domain}").mkdir()
            for number in range(3):
                Image.new(mode, (32, 32), 80 * number).save(tmp_path / f"{split}{domain}" / f"{number}.png")
    small = [word for word in TRANSLATOR_SMALL if not word.startswith(("data=", "data.source"))]
    words = [*small, "data=unpaired_folder", f"data.root={tmp_path}", "data.load_size=36", "data.channels_a=1"]
    means = _train(composed(*words, "model.identity=0", *_limits(2)), 2)
    assert "g/cycle_a" in means
    assert "g/identity_a" not in means
    cfg, _ = compose(CONF, "train", words)
    assert cfg is not None
    assert any("model.identity=0" in text for text in misfits(cfg, set()))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "word",
    [f"{axis}={option}" for axis in ("objective", "regularizer", "augment", "init") for option in groups(CONF)[axis]],
)
def test_every_word_of_the_platform_is_one_for_translators(word: str, composed: Compose) -> None:
    means = _train(composed(*TRANSLATOR_SMALL, word, *_limits(2)), 2)
    assert {"d/a/adversarial", "d/b/adversarial", "g/cycle_a", "g/identity_b", "d/loss", "g/loss"} <= means.keys()


@pytest.mark.thorough
@pytest.mark.parametrize("objective", groups(CONF)["objective"])
@pytest.mark.parametrize("model", ["gan", "dcgan"])
@pytest.mark.parametrize("batches", [2, pytest.param(200, marks=pytest.mark.slow)])
def test_every_game_stays_finite(model: str, objective: str, batches: int, composed: Compose) -> None:
    words = [f"model={model}", f"objective={objective}", "data=digits", *GAN_SMALL, *_limits(batches)]
    means = _train(composed(*words), batches)
    assert {"d/loss", "g/loss"} <= means.keys()


@pytest.mark.thorough
@pytest.mark.parametrize("regularizer", groups(CONF)["regularizer"])
@pytest.mark.parametrize("augment", groups(CONF)["augment"])
def test_every_penalty_meets_every_augmentation(regularizer: str, augment: str, composed: Compose) -> None:
    words = [f"regularizer={regularizer}", f"augment={augment}", "data=digits", "model=dcgan", *GAN_SMALL, *_limits(2)]
    _train(composed(*words, "model.critic.network.norm=null"), 2)
