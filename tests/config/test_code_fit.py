"""Autoencoders' parts that cannot work together, and axes that nothing would use."""

from __future__ import annotations

from pathlib import Path

import pytest

from atelier.config.compose import compose
from atelier.config.dry_run import dry_run
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.words import conf_dir

AXES = ("network", "code", "output", "reconstruction", "corruption", "sparsity")
RECIPES = sorted(file.stem for file in (conf_dir() / "experiment").glob("*autoencoder*.yaml"))


def mistakes(*words: str) -> list[str]:
    register_resolvers()
    cfg, found = compose(conf_dir(), "train", list(words))
    if cfg is None:
        return found
    named = {word.split("=")[0] for word in words}
    return [*found, *(misfits(cfg, named) or dry_run(cfg))]


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["autoencoder", "sparse_autoencoder"])
@pytest.mark.parametrize(
    "word",
    [f"{axis}={file.stem}" for axis in AXES for file in sorted((conf_dir() / axis).glob("*.yaml"))],
)
def test_every_option_of_every_axis_is_built_or_refused_with_a_reason(model: str, word: str) -> None:
    told = mistakes(f"model={model}", word)
    refusable = {
        ("sparse_autoencoder", "code=linear"): "sparsity=kl",
        ("sparse_autoencoder", "code=topk"): "sparsity=kl",
        ("autoencoder", "sparsity=kl"): "add code=sigmoid",
    }
    if (model, word) in refusable:
        assert len(told) == 1 and refusable[model, word] in told[0]
    else:
        assert told == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_built(recipe: str, tmp_path: Path) -> None:
    assert mistakes(f"experiment={recipe}") == []


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["network=conv"], "network=...: nothing in this composition uses"),
        (["model=gan", "code=topk"], "code=...: nothing"),
        (["model=autoencoder", "objective=hinge"], "objective=...: nothing"),
        (["model=autoencoder", "latent=normal"], "latent=...: nothing"),
        (["model=autoencoder", "reconstruction=bce", "output=linear"], "add output=sigmoid"),
        (["model=sparse_autoencoder", "sparsity.rho=1.5"], "sparsity.rho=1.5"),
        (["model=sparse_autoencoder", "sparsity.rho=0.0"], "sparsity.rho=0.0"),
        (["model=autoencoder", "network=conv", "network.tied=true"], "there is no option network.tied"),
        (["model=autoencoder", "network.units=0"], "network.units=0"),
        (["model=autoencoder", "corruption=masking", "corruption.share=1.0"], "corruption.share=1.0"),
        (["model=autoencoder", "model.weight_decay=-1"], "model.weight_decay=-1"),
        (["model=gan", "data=ring", "augment=diffaugment"], "augment=diffaugment changes images, and data=ring gives"),
        (["model=dcgan", "picture=strips"], "picture=strips draws what models of unpaired data make"),
        (["model=cyclegan", "data=stripes", "picture=grid"], "picture=grid draws what models of single data make"),
        (["model=dcgan", "picture=scatter"], "picture=scatter draws points, and data=digits gives images"),
        (["model=gan", "data=ring", "picture=grid"], "picture=grid draws images, and data=ring gives points"),
    ],
)
def test_what_cannot_be_is_refused_by_name(words: list[str], fragment: str) -> None:
    told = mistakes(*words)
    assert len(told) == 1 and fragment in told[0]
