"""The one generator that a translation needs, and what is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from omegaconf import DictConfig
from torch import nn

from atelier.checkpoint import find, fingerprint, load_part
from atelier.direction import DIRECTIONS
from atelier.expanded import expanded
from atelier.network.reference import from_reference, infer, read_reference
from atelier.network.sides import Sides
from atelier.types import Direction, Mistake


@runtime_checkable
class _Sided(Protocol):
    """A network that knows which heights and widths it takes."""

    sides: Sides


class Generator(NamedTuple):
    """A generator in evaluation mode on the CPU.

    file: where its weights come from.
    direction: which way it goes, None for a file of weights, which does not say.
    channels: of the images that it takes.
    sides: the heights and widths that it takes.
    """

    network: nn.Module
    file: Path
    direction: Direction | None
    channels: int
    sides: Sides


def unknown_direction(cfg: DictConfig) -> list[str]:
    """What is wrong with ``direction`` as a word."""
    if cfg.direction in (None, *DIRECTIONS):
        return []
    return [f"direction={cfg.direction}: the directions are {' and '.join(DIRECTIONS)}"]


def refused(cfg: DictConfig) -> list[str]:
    """What is wrong with ``ckpt``, ``weights`` and ``direction`` as words."""
    mistakes = []
    if cfg.ckpt is None and cfg.weights is None:
        mistakes.append("ckpt is missing: give it as ckpt=<run folder or checkpoint>, or weights=<file made elsewhere>")
    elif cfg.ckpt is not None and cfg.weights is not None:
        mistakes.append(f"ckpt={cfg.ckpt} and weights={cfg.weights}: choose one of them")
    mistakes += (unknown := unknown_direction(cfg))
    if not unknown and cfg.ckpt is None and cfg.weights is not None and cfg.direction is not None:
        mistakes.append(
            f"direction={cfg.direction}: a file of weights holds one generator, which goes one way (G_A from a to b, "
            "G_B from b to a); leave direction out"
        )
    return mistakes


def open_generator(cfg: DictConfig) -> Generator:
    """The generator of ``ckpt`` that goes in ``direction``, or the one in ``weights``.

    Raises:
        Mistake: if there is no such file, it holds something else, or the model translates nothing.
    """
    network: nn.Module
    direction: Direction | None = None if cfg.weights is not None else cfg.direction or "a_to_b"
    if direction is None:
        file = expanded(str(cfg.weights))
        state = read_reference(file)
        if infer(state).architecture not in ("resnet", "unet"):
            raise Mistake(f"weights={file}: a critic's weights; a generator's are called as latest_net_G_A.pth")
        network = from_reference(state).float().eval()
    else:
        network, _, file = load_part(cfg.ckpt, direction)
    if not isinstance(network, _Sided):
        raise Mistake(f"ckpt={file}: {direction} is a {type(network).__name__}, which does not say what sides it takes")
    first = next(part for part in network.modules() if isinstance(part, nn.Conv2d))
    return Generator(network, file, direction, first.in_channels, network.sides)


def identity(cfg: DictConfig) -> str:
    """16 hexadecimal digits that stand for the content of the file that ``ckpt`` or ``weights`` means."""
    return fingerprint(find(cfg.ckpt) if cfg.weights is None else expanded(str(cfg.weights)))
