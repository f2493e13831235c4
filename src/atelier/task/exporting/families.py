"""What each family has to export: a new family adds a function here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from atelier.direction import DIRECTIONS
from atelier.game.latent import Latent, Normal, Uniform
from atelier.model.autoencoder import Autoencoder
from atelier.model.autoencoder import Network as Coder
from atelier.model.cyclegan import CycleGAN
from atelier.model.gan import GAN
from atelier.network.sides import Sides
from atelier.pixels import from_levels, to_levels
from atelier.task.exporting.program import Network, Program, Slot
from atelier.types import Mistake


def _range(channels: int, *sides: int | str) -> str:
    height, width = sides or ("height", "width")
    return f"[batch, {channels}, {height}, {width}] in [-1, 1]"


@singledispatch
def programs(model: nn.Module, cfg: DictConfig) -> list[Program]:
    """The functions that ``model`` consists of; cfg: its resolved configuration.

    Raises:
        Mistake: for a model that has none.
    """
    raise Mistake(f"{type(model).__name__} has nothing that could be exported")


@singledispatch
def networks(model: nn.Module, cfg: DictConfig) -> list[Network]:
    """The networks of ``model`` that people use; cfg: its resolved configuration.

    Raises:
        Mistake: for a model that has none.
    """
    raise Mistake(f"{type(model).__name__} has no networks that could be exported")


def used(model: nn.Module, name: str) -> nn.Module:
    """The network ``name``, averaged where the model keeps an average of it.

    Raises:
        Mistake: if there is none.
    """
    known = {path for path, _ in model.named_modules()}
    for path in (f"average.{name}.network", name):
        if path in known:
            return model.get_submodule(path)
    raise Mistake(f"{type(model).__name__} has no {name}")


def _images(name: str, channels: int, side: int, sides: Sides | None = None) -> Slot:
    return Slot(name, (channels, side, side), "images in [-1, 1]", sides=sides)


def _plain(node: DictConfig) -> Mapping[str, Any]:
    plain = OmegaConf.to_container(node, resolve=True)
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


# --- generators of latents ------------------------------------------------------------------------------------------

_LATENTS: dict[type[Latent], str] = {Uniform: "uniform in [-1, 1]", Normal: "standard normal"}


@programs.register
def _(model: GAN, cfg: DictConfig) -> list[Program]:
    side, drawn = cfg.data.image_size, _LATENTS.get(type(model.latent), "of this model's latent distribution")
    inputs = [Slot("z", (model.latent.dim,), f"latents, {drawn}", normal=isinstance(model.latent, Normal))]
    if model.num_classes is not None:
        inputs.append(Slot("labels", (), "class numbers", classes=model.num_classes))
    gives = _range(cfg.data.channels, side, side)
    return [Program("generator", "makes images from random noise", _generator(model), tuple(inputs), "images", gives)]


@networks.register
def _(model: GAN, cfg: DictConfig) -> list[Network]:
    labels = "" if model.num_classes is None else f", labels [batch] from 0 to {model.num_classes - 1}"
    gives = _range(cfg.data.channels, cfg.data.image_size, cfg.data.image_size)
    use = f"network(z [batch, {model.latent.dim}]{labels}) gives images {gives}"
    return [Network("generator", _generator(model), _plain(cfg.model.generator), use)]


def _generator(model: GAN) -> nn.Module:
    return model.generator if model.average is None else model.average.network


# --- translators ----------------------------------------------------------------------------------------------------


@programs.register
def _(model: CycleGAN, cfg: DictConfig) -> list[Program]:
    made = []
    for name in DIRECTIONS:
        network, node = used(model, name), cfg.model[name]
        sides = getattr(network, "sides", None)  # a network of somebody's own need not say what it takes
        slot = _images("images", node.in_channels, cfg.data.image_size, sides)
        does = f"translates images of domain {name[0]} into domain {name[-1]}"
        gives = _range(node.out_channels)
        made.append(Program(name, does, network, (slot,), "translations", gives))
    return made


@networks.register
def _(model: CycleGAN, cfg: DictConfig) -> list[Network]:
    return [
        Network(
            name,
            used(model, name),
            _plain(cfg.model[name]),
            f"network(images {_range(cfg.model[name].in_channels)}) gives those of domain {name[-1]}",
        )
        for name in DIRECTIONS
    ]


# --- encoders and decoders ------------------------------------------------------------------------------------------


class _Encoding(nn.Module):
    """Images to codes; networks know levels in [0, 1], and people give images in [-1, 1]."""

    def __init__(self, network: Coder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.encode(to_levels(images))


class _Decoding(nn.Module):
    """Codes to images; a linear output may leave [0, 1], and pictures cannot."""

    def __init__(self, network: Coder) -> None:
        super().__init__()
        self.network = network

    def forward(self, codes: Tensor) -> Tensor:
        return from_levels(self.network.decode(codes).clamp(0.0, 1.0))


@programs.register
def _(model: Autoencoder, cfg: DictConfig) -> list[Program]:
    coder: Any = model.network
    channels, side, _ = coder.shape
    encoder, decoder = _Encoding(coder).eval(), _Decoding(coder).eval()
    images, gives = _images("images", channels, side), _range(channels, side, side)
    codes = Slot("codes", (coder.units,), "codes as the encoder makes them")
    numbers = f"[batch, {coder.units}]"
    return [
        Program("encoder", "describes images by codes", encoder, (images,), "codes", numbers),
        Program("decoder", "makes images of codes", decoder, (codes,), "images", gives),
        Program(
            "autoencoder",
            "makes images anew from their codes",
            nn.Sequential(encoder, decoder).eval(),
            (images,),
            "reconstructions",
            gives,
        ),
    ]


@networks.register
def _(model: Autoencoder, cfg: DictConfig) -> list[Network]:
    use = "network.encode(levels) gives codes, network.decode(codes) levels; levels are in [0, 1]: (images + 1) / 2"
    return [Network("autoencoder", model.network, _plain(cfg.model.network), use, (0, 1))]
