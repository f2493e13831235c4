"""Checkpoints as contracts: what they carry, how they are read without trusting them."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from atelier.callback.clock import Position, position
from atelier.callback.score_history import whole
from atelier.config.anchored import anchored
from atelier.config.build import build
from atelier.config.environment import register_resolvers
from atelier.config.signature import unfit
from atelier.expanded import expanded
from atelier.types import Mistake

FORMAT = 1


class Loaded(NamedTuple):
    """A model in evaluation mode, the resolved configuration that made it, and the file that it came from."""

    model: LightningModule
    cfg: DictConfig
    file: Path


class Part(NamedTuple):
    """One network of a model in evaluation mode, the resolved configuration of the whole, and the file."""

    network: nn.Module
    cfg: DictConfig
    file: Path


class Passport(Callback):
    """Writes the configuration and the versions into every checkpoint, so that each is enough for every verb."""

    def __init__(self, cfg: DictConfig) -> None:
        self._config = OmegaConf.to_container(cfg, resolve=True)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the key ``atelier``: format, version and config, all plain types."""
        checkpoint["atelier"] = {"format": FORMAT, "version": version(), "config": self._config}


def version() -> str:
    """The version of this installation, or "checkout" where the project is used without being installed."""
    try:
        return importlib.metadata.version("atelier-lab")
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


def find(path: str | Path | None) -> Path:
    """The checkpoint that ``path`` means: the file itself, or the best (else the last) of a run's folder.

    Raises:
        Mistake: if there is none.
    """
    if path is None or str(path) == "":
        raise Mistake(f"{'null' if path is None else ''}: name a checkpoint or a run's folder")
    place = expanded(str(path))  # a folder called 3 comes from the command line as a number
    if place.is_file():
        return place
    if not place.exists():
        raise Mistake(f"{path}: there is no such file or folder")
    for name in ("best.ckpt", "last.ckpt"):
        for folder in (place / "checkpoints", place):
            if (folder / name).is_file():
                return folder / name
    raise Mistake(f"{path}: this folder holds no checkpoints/best.ckpt or checkpoints/last.ckpt; name a run's folder")


def read(path: str | Path | None, option: str = "ckpt") -> dict[str, Any]:
    """The contents of a checkpoint of ours, opened without running anything that is in it.

    option: what the user typed the path with.

    Raises:
        Mistake: if the file is no checkpoint, is damaged, or is of another format, naming the others in its folder that
            are whole.
    """
    file = find(path)
    try:
        return _opened(file)
    except Mistake as mistake:
        offers = [f"{other.name} of epoch {epoch} is whole: {option}={other}" for other, epoch in whole_beside(file)]
        raise Mistake(". ".join([str(mistake), *(["; ".join(offers)] if offers else [])])) from mistake


def fingerprint(file: Path) -> str:
    """16 hexadecimal digits that stand for the content of ``file``."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def whole_beside(file: Path) -> list[tuple[Path, str]]:
    """The newest other checkpoints in the folder of ``file`` that are whole, two at most, with their epochs."""
    others = [other for other in file.parent.glob("*.ckpt") if other.resolve() != file.resolve()]
    found = []
    for other in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True):
        try:
            found.append((other, f"{whole(stood(_opened(other)).epoch)}"))
        except Mistake:
            continue
        if len(found) == 2:
            break
    return found


def stood(content: dict[str, Any]) -> Position:
    """How far a checkpoint's run had come.

    Raises:
        Mistake: if it does not say.
    """
    try:
        return position(content)
    except (KeyError, TypeError, ValueError):
        raise Mistake("this checkpoint does not say where its run stood, so nothing can go on from it") from None


def _opened(file: Path) -> dict[str, Any]:
    try:
        stat = file.stat()
        _compare_sums(file, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        # Mapped: a verb that needs one network does not load the others and the optimizers' moments.
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a damaged file can fail anywhere in torch, zip or pickle
        raise Mistake(f"{file}: not a checkpoint, or damaged ({type(error).__name__})") from error
    passport = content.get("atelier") if isinstance(content, dict) else None
    if not isinstance(passport, dict) or not _tensors(content.get("state_dict")):
        raise Mistake(f"{file}: a file of tensors, but not a checkpoint of atelier")
    if passport.get("format") != FORMAT:
        raise Mistake(
            f"{file}: format {passport.get('format')}, written by version {passport.get('version')} of atelier; "
            f"this is version {version()}, and it reads format {FORMAT}"
        )
    if not isinstance(passport.get("config"), dict) or "model" not in passport["config"]:
        raise Mistake(f"{file}: a checkpoint without its configuration")
    if _refers(passport["config"]):  # to the environment of whoever opens it, for example
        raise Mistake(f"{file}: a stored configuration holds values alone, and no references (${{...}})")
    return content


@functools.lru_cache(maxsize=16)
def _compare_sums(file: Path, state: tuple[int, ...]) -> None:
    """Read all of ``file`` and compare its check sums, which torch itself does not do; once while it is as it was.

    A verb opens its checkpoint up to seven times. What it then maps is read where it is used alone.

    Raises:
        BadZipFile: if they differ.
    """
    with zipfile.ZipFile(file) as archive:
        if broken := archive.testzip():
            raise zipfile.BadZipFile(broken)


def _refers(value: object) -> bool:
    """Whether a reference stands anywhere in a plain configuration: it is stored resolved."""
    if isinstance(value, dict):
        return any(_refers(inner) for pair in value.items() for inner in pair)
    if isinstance(value, list):
        return any(map(_refers, value))
    return isinstance(value, str) and "${" in value


def _tensors(state: object) -> bool:
    return isinstance(state, dict) and all(isinstance(value, torch.Tensor) for value in state.values())


def _configuration(content: dict[str, Any]) -> DictConfig:
    register_resolvers()
    return OmegaConf.create(anchored(content["atelier"]["config"]))


def load(path: str | Path) -> Loaded:
    """The model of a checkpoint or run folder, in evaluation mode on the CPU.

    Raises:
        Mistake: if there is no checkpoint, or its configuration names what may not be built.
    """
    content = read(path)
    cfg = _configuration(content)
    mistakes = unfit(cfg.model)
    if mistakes:
        raise Mistake(f"{find(path)}: " + "; ".join(mistakes))
    model = build(cfg.model)
    assert isinstance(model, LightningModule)
    pour(content["state_dict"], model, find(path))
    return Loaded(model.eval(), cfg, find(path))


def load_part(path: str | Path, name: str) -> Part:
    """The network ``model.<name>`` of a checkpoint or run folder, on the CPU; the others are neither built nor loaded.

    Raises:
        Mistake: if there is no checkpoint, its model has no such network, or its configuration names what may not
            be built.
    """
    content, file = read(path), find(path)
    cfg = _configuration(content)
    node = OmegaConf.select(cfg, f"model.{name}")
    if not isinstance(node, DictConfig):
        raise Mistake(f"{file}: its model has no {name} (one of model=cyclegan has)")
    if mistakes := unfit(node):
        raise Mistake(f"{file}: " + "; ".join(mistakes))
    network = build(node)
    assert isinstance(network, nn.Module)
    weights = content["state_dict"]
    # Where a model keeps averages of its networks, these are the ones to use.
    averaged = f"average.{name}.network."
    prefix = averaged if any(key.startswith(averaged) for key in weights) else f"{name}."
    state = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    pour(state, network, file)
    return Part(network.eval(), cfg, file)


def pour(state: dict[str, torch.Tensor], model: nn.Module, source: str | Path) -> None:
    """Load ``state`` into ``model``.

    Raises:
        Mistake: if the networks differ, naming where.
    """
    compare(state, model, source)
    model.load_state_dict(state)


def compare(state: dict[str, torch.Tensor], model: nn.Module, source: str | Path) -> None:
    """Find out whether ``state`` is of the same networks as ``model``, which may be on the meta device.

    Raises:
        Mistake: if not, naming where.
    """
    mine = model.state_dict()
    differing = [
        f"{name}: {list(state[name].shape)} there, {list(mine[name].shape)} here"
        for name in mine
        if name in state and mine[name].shape != state[name].shape
    ]
    differing += [f"{name} is missing there" for name in mine if name not in state]
    differing += [f"{name} is missing here" for name in state if name not in mine]
    if differing:
        raise Mistake(f"{source}: other networks than these ({'; '.join(differing[:3])} ...)")
