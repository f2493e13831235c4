"""``init_from``: the weights that a run begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from atelier.checkpoint import compare, pour, read
from atelier.expanded import expanded
from atelier.network.reference import from_reference, read_reference
from atelier.types import Mistake

PUBLIC = {
    "net_G_A": "a_to_b",
    "net_G_B": "b_to_a",
    "net_D_A": "critic_b.network",
    "net_D_B": "critic_a.network",
}
"""What the public CycleGAN implementation calls a network in its files: what it is called here.

Its D_A judges the images that G_A makes, which are of domain b.
"""


def load_initial_weights(source: str, model: nn.Module) -> None:
    """Load the weights that ``source`` means into ``model``.

    source: a run's folder or a checkpoint; or a folder of the public CycleGAN implementation (its latest_net_G_A.pth
        and the other networks' files, as many as are there), or one of its files (a file without such a name, as
        horse2zebra.pth, is the generator from a to b).

    Raises:
        Mistake: if there is nothing there, or it belongs to other networks.
    """
    for name, state in _parts(source):
        pour(dict(state), _part(model, name, source), f"init_from={source}")


def check_source(source: str) -> None:
    """Find out whether ``source`` is of one of these kinds, and whole.

    Raises:
        Mistake: if not, beginning with ``source``.
    """
    _parts(source)


def check_compatible(source: str, model: nn.Module) -> None:
    """Find out whether :func:`load_initial_weights` would do; ``model`` may be on the meta device.

    Raises:
        Mistake: if not, naming where.
    """
    for name, state in _parts(source):
        compare(dict(state), _part(model, name, source), f"init_from={source}")


def _parts(source: str) -> list[tuple[str, Mapping[str, Tensor]]]:
    """The named parts of a model that ``source`` has weights for; "" is all of it."""
    files = _public_files(expanded(source)) if source else {}
    if not files:
        return [("", read(source, "init_from")["state_dict"])]
    return [(name, from_reference(read_reference(file)).state_dict()) for name, file in files.items()]


def _public_files(place: Path) -> dict[str, Path]:
    if place.suffix == ".pth":
        return {_public_name(place) or "a_to_b": place}
    if not place.is_dir():
        return {}
    found = [file for file in sorted(place.glob("*.pth")) if _public_name(file)]
    latest = [file for file in found if file.name.startswith("latest_")]
    return {name: file for file in latest or found if (name := _public_name(file))}


def _public_name(file: Path) -> str | None:
    return next((ours for theirs, ours in PUBLIC.items() if file.stem.endswith(theirs)), None)


def _part(model: nn.Module, name: str, source: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        raise Mistake(f"init_from={source}: weights of a CycleGAN, and this model has no {name}") from None
