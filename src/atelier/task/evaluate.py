"""Scores of a checkpoint: any split, any extractor, any number of fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from atelier.callback.score_panels import notes
from atelier.checkpoint import Loaded, load, read
from atelier.config.build import build
from atelier.config.dry_run import dry_run
from atelier.jsonable import jsonable
from atelier.metric.extractor import Extractor
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.extractor_weights import kept_extractor
from atelier.task.inputs import checkpoint_data
from atelier.task.scorable import check_number, too_few, unscorable
from atelier.task.score_reconstructions import reconstruction_scores
from atelier.task.score_samples import sample_scores
from atelier.task.score_translations import translation_scores
from atelier.types import Reconstructor, Sampler, Translator
from atelier.whole_file import write_text

Takes = Callable[[DictConfig, Loaded, Any, Extractor, Any], dict[str, dict[str, Any]]]


def preflight(cfg: DictConfig) -> list[str]:
    """Everything that would stop the evaluation: numbers, the checkpoint, the data, the extractor's weights."""
    mistakes = wrong_values(cfg)
    if not mistakes:
        loaded = load(cfg.ckpt)
        data, extractor = cache(lambda: checkpoint_data(cfg, loaded)), cache(lambda: _prepared(cfg, loaded))
        mistakes += heard([data, extractor])
        mistakes += [] if mistakes else _unscorable(cfg, loaded, data(), extractor())
        if not isinstance(loaded.model, Sampler | Reconstructor | Translator):
            mistakes.append(f"ckpt={cfg.ckpt}: this model makes no images that could be scored")
    return mistakes


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    mistakes = below(cfg, {"batch_size": 1, "seed": 0}, optional={"samples": 2}) + dry_run(cfg)
    if cfg.split not in ("train", "test"):
        mistakes.append(f"split={cfg.split}: the splits are train and test")
    return mistakes + heard([lambda: read(cfg.ckpt)], prefix="ckpt=")


def run(cfg: DictConfig) -> float:
    """Score samples, translations or reconstructions, whatever the model makes; show and write results.json.

    Returns the first figure.
    """
    loaded = load(cfg.ckpt)
    device = best_device()
    loaded.model.to(device)
    data = checkpoint_data(cfg, loaded)
    extractor, scores = _prepared(cfg, loaded).to(device), _part(cfg, loaded, "metric")
    entries = _taking(loaded.model)(cfg, loaded, data, extractor, scores)
    _show(entries, cfg.split)
    results = {"checkpoint": str(loaded.file), "scores": entries}
    text = json.dumps(jsonable(results), indent=2, allow_nan=False)
    write_text(Path(cfg.run_dir) / "results.json", text + "\n")
    first: float = next(iter(entries.values()))["value"]
    return first


def _taking(model: object) -> Takes:
    """How the figures of what ``model`` makes are taken."""
    if isinstance(model, Translator):
        return translation_scores
    return sample_scores if isinstance(model, Sampler) else reconstruction_scores


def _prepared(cfg: DictConfig, loaded: Loaded) -> Extractor:
    """The extractor with its weights."""
    extractor: Extractor = _part(cfg, loaded, "extractor")
    extractor.prepare()
    return extractor


def _unscorable(cfg: DictConfig, loaded: Loaded, data: Any, extractor: Extractor) -> list[str]:
    """What keeps the split, or so many fakes, from being scored."""
    # What is made of images needs as many as are to be made.
    mistakes = [] if isinstance(loaded.model, Sampler) else heard([lambda: check_number(data, cfg.split, cfg.samples)])

    def made(size: int) -> int:
        return cfg.samples or size

    typed = f"split={cfg.split}" if cfg.samples is None else f"samples={cfg.samples}"
    # Options of the checkpoint's own scores can be named once their group is.
    kind = "translation" if isinstance(loaded.model, Translator) else "generation"
    group = "" if cfg.get("metric") is not None else f"metric={kind} "
    scores = _part(cfg, loaded, "metric")
    if isinstance(loaded.model, Sampler):
        if not extractor.num_features:
            mistakes.append("extractor=none: samples are compared with reals by features; choose an extractor")
        if not scores:
            mistakes.append("metric: every score is left out, and samples have no other figures")
    mistakes += unscorable(extractor, scores, data, cfg.split)
    return mistakes + [
        f"{typed}: {said}; score more images, or leave this score out by {group}metric.{name}=null"
        for name, said in too_few(extractor, scores, data, cfg.split, made).items()
    ]


def _part(cfg: DictConfig, loaded: Loaded, name: str) -> Any:
    """The part that the user chose, else the checkpoint's own."""
    chosen = cfg.get(name)
    if chosen is None:
        chosen = loaded.cfg[name] if name != "extractor" else kept_extractor(loaded.cfg.extractor, loaded.file)
    if "_target_" in chosen:
        return build(chosen)
    return {key: build(node) for key, node in chosen.items() if node is not None}


def _show(entries: dict[str, dict[str, Any]], split: str) -> None:
    """Print the figures, and in words what they are."""
    beside = {"value": "value", "untouched": "untouched input", "floor": "real against real"}
    shown = {key: title for key, title in beside.items() if key != "untouched" or _any_has(entries, key)}
    table = Table(title=f"{split} split")
    table.add_column("score")
    for title in shown.values():
        table.add_column(title, justify="right")
    table.add_column("better")
    for name, entry in entries.items():
        numbers = ["-" if entry.get(key) is None else f"{entry[key]:.4g}" for key in shown]
        table.add_row(name, *numbers, {True: "higher", False: "lower", None: ""}[entry["higher_is_better"]])
    console = Console()
    console.print(table)
    for note in notes(entries):
        console.print(note, markup=False, highlight=False)


def _any_has(entries: dict[str, dict[str, Any]], key: str) -> bool:
    return any(key in entry for entry in entries.values())
