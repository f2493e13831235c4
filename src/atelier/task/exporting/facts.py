"""What is known of a model: from its checkpoint and, where it still lies there, from its run's folder."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.checkpoint import Loaded, version
from atelier.config.resume import CONFIG_DIR
from atelier.run_folder import RunFolder
from atelier.types import averages


def facts(loaded: Loaded, content: Mapping[str, Any], licence: str | None) -> dict[str, Any]:
    """Model, data, training and scores as JSON has them; what nobody knows is left out.

    content: the checkpoint's (see :func:`atelier.checkpoint.read`).
    licence: of what is exported, as the person who exports it says.
    """
    cfg, clock = loaded.cfg, content.get("callbacks", {}).get("Clock", {})
    known = {
        "model": cfg.get("model_name"),
        "data": cfg.get("data_name"),
        "licence": licence,
        "value_range": [-1, 1],
        "channels": _channels(cfg),
        "image_size": OmegaConf.select(cfg, "data.image_size"),
        "classes": getattr(loaded.model, "num_classes", None),
        "averaged_weights": averages(loaded.model),
        "data_licence": _stated(cfg, "licence"),
        "data_source": _stated(cfg, "source"),
        "epochs": clock.get("epoch"),
        "images_seen": clock.get("images_seen"),
        "seed": cfg.get("seed"),
        "command": _command(RunFolder.of(loaded.file)),
        "scores": scores(content),
        "atelier": content["atelier"].get("version", version()),
        "source_run": _name(loaded.file),
    }
    return {name: value for name, value in known.items() if value not in (None, {}, "")}


def scores(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures that were taken of exactly these weights: name to value and protocol."""
    now = content.get("callbacks", {}).get("Clock", {}).get("epoch")
    found: dict[str, dict[str, Any]] = {}
    for state in content.get("callbacks", {}).values():
        rows = state.get("rows") if isinstance(state, Mapping) else None
        if not rows or not math.isclose(rows[-1]["epoch"], now or 0, abs_tol=1e-5):
            continue
        for name, value in rows[-1].items():
            if name != "epoch" and isinstance(value, int | float) and math.isfinite(value):
                found[name] = {"value": value, "protocol": _protocol(state, name)}
    return found


def _protocol(board: Mapping[str, Any], name: str) -> Any:
    """How the figure was taken: boards note it for all figures or for each."""
    each = board.get("protocols") or board.get("last", {}).get("protocol") or {}
    return each.get(name)


def _channels(cfg: DictConfig) -> Any:
    pair = {domain: OmegaConf.select(cfg, f"data.channels_{domain}") for domain in "ab"}
    alike = OmegaConf.select(cfg, "data.channels")
    return alike if pair["a"] == pair["b"] else {domain: value or alike for domain, value in pair.items()}


def _stated(cfg: DictConfig, fact: str) -> str | None:
    """A fact of the data; of a person's own pictures nothing is known."""
    stated = OmegaConf.select(cfg, f"data.facts.{fact}")
    return None if stated in (None, "yours") else str(stated)


def _command(run: RunFolder) -> str | None:
    """The command that trained, from the run's folder."""
    try:
        words = OmegaConf.load(run.overrides)
    except (OSError, OmegaConfBaseException, ValueError):
        return None
    if not isinstance(words, ListConfig):
        return None
    # Where the folder of YAMLs lies is nobody's business.
    said = (re.sub(rf"^{CONFIG_DIR}.*/", CONFIG_DIR, str(word)) for word in words)
    return " ".join(["python src/train.py", *map(shlex.quote, said)])


def _name(checkpoint: Path) -> str:
    """Where the weights come from, without the folders that are nobody's business."""
    parts = checkpoint.resolve().parts
    return "/".join(parts[-4:] if checkpoint.resolve().parent.name == "checkpoints" else parts[-1:])
