"""Scores of a checkpoint: any split, any extractor, any number of fakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch import Tensor

from atelier.callback.figures import figures, floor, protocol, protocols, public_names, real_features, see
from atelier.callback.score_panels import notes
from atelier.checkpoint import Loaded, load, read
from atelier.config.build import build
from atelier.config.dry_run import dry_run
from atelier.jsonable import jsonable
from atelier.metric.distortion import Distortion
from atelier.metric.extractor import Extractor
from atelier.metric.feature_bank import FeatureBank
from atelier.pixels import as_unit
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.extractor_weights import kept_extractor
from atelier.task.inputs import checkpoint_data
from atelier.task.scorable import too_few, unscorable
from atelier.task.score_translations import check, translation_scores
from atelier.types import Mistake, Reals, Reconstructor, Sampler, Translator, averages
from atelier.whole_file import write_text


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
    takes = translation_scores if isinstance(loaded.model, Translator) else _scores
    entries = takes(cfg, loaded, data, extractor, scores)
    _show(entries, cfg.split)
    results = {"checkpoint": str(loaded.file), "scores": entries}
    text = json.dumps(jsonable(results), indent=2, allow_nan=False)
    write_text(Path(cfg.run_dir) / "results.json", text + "\n")
    first: float = next(iter(entries.values()))["value"]
    return first


def _scores(cfg: DictConfig, loaded: Loaded, data: Any, extractor: Extractor, scores: Any) -> dict[str, dict[str, Any]]:
    """Every figure of samples, or of reconstructions where the model makes none."""
    model: Any = loaded.model
    device, size = model.device, data.size(cfg.split)
    count = cfg.samples or size
    real = real_features(extractor, data, cfg.split, size, device, cfg.batch_size)
    bank, distortion = FeatureBank().to(device), Distortion()
    if isinstance(model, Sampler):
        fakes = _samples(model, count, cfg.batch_size, cfg.seed, _classes(model, data, cfg, count))
    else:
        assert isinstance(model, Reconstructor), "a model samples or reconstructs"
        count = min(count, size)
        fakes = _reconstructions(model, data, cfg, count if count < size else None, distortion)
    for indices, images in fakes:
        bank.update(indices.to(device), see(extractor, images))
    taken = figures(scores, extractor, real, bank.compute())
    floors = floor(scores, extractor, data, cfg.split, real, count, cfg.batch_size)
    higher = public_names(scores, extractor)
    if not isinstance(model, Sampler):
        taken, higher = distortion.compute() | taken, {**Distortion.names, **higher}

    ema = averages(model)
    seed = cfg.seed if isinstance(model, Sampler) else None
    common = protocol(extractor, real=size, fake=count, ema=ema, seed=seed) | {"split": cfg.split}
    words = protocols(scores, extractor, common, real=size, fake=count)
    return {
        name: {
            "value": value,
            "floor": floors.get(name),
            "higher_is_better": higher.get(name),
            "protocol": words.get(name, common),
        }
        for name, value in taken.items()
    }


def _prepared(cfg: DictConfig, loaded: Loaded) -> Extractor:
    """The extractor with its weights."""
    extractor: Extractor = _part(cfg, loaded, "extractor")
    extractor.prepare()
    return extractor


def _unscorable(cfg: DictConfig, loaded: Loaded, data: Any, extractor: Extractor) -> list[str]:
    """What keeps the split, or so many fakes, from being scored."""
    translates = isinstance(loaded.model, Translator)
    mistakes = heard([lambda: check(cfg, data)]) if translates else []

    def made(size: int) -> int:
        count = cfg.samples or size
        return count if isinstance(loaded.model, Sampler) else min(count, size)

    typed = f"split={cfg.split}" if cfg.samples is None else f"samples={cfg.samples}"
    # Options of the checkpoint's own scores can be named once their group is.
    group = "" if cfg.get("metric") is not None else f"metric={'translation' if translates else 'generation'} "
    scores = _part(cfg, loaded, "metric")
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


def _samples(
    model: Sampler, count: int, batch_size: int, seed: int, classes: Tensor | None
) -> Iterator[tuple[Tensor, Tensor]]:
    for places in torch.split(torch.arange(count), batch_size):
        labels = None if classes is None else classes[places].to(model.device)  # type: ignore[attr-defined]  # a module
        yield places, model.sample(len(places), seed=seed, start=int(places[0]), labels=labels)


def _classes(model: Any, data: Reals, cfg: DictConfig, count: int) -> Tensor | None:
    """The classes of ``count`` fakes, as frequent as among the split's reals; None for a model that is told of none.

    Where there is one fake for each real it has the real's class, as at a training's validations.

    Raises:
        Mistake: if a real has none.
    """
    if getattr(model, "num_classes", None) is None:
        return None
    labels = [batch.labels for batch in data.reals(cfg.split, batch_size=cfg.batch_size)]
    if any(part is None for part in labels):
        raise Mistake(f"split={cfg.split}: this model is told of classes, and some of these images have none")
    known = torch.cat([part for part in labels if part is not None])
    return known[torch.arange(count) * len(known) // count]


def _reconstructions(
    model: Reconstructor, data: Reals, cfg: DictConfig, count: int | None, distortion: Distortion
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of ``count`` images of the split, or all; ``distortion`` looks on."""
    start = 0
    for batch in data.reals(cfg.split, count, batch_size=cfg.batch_size):
        images = as_unit(batch.images)
        made = model.reconstruct(images.to(model.device))  # type: ignore[attr-defined]  # every model is a module
        distortion.update(images, made.cpu())
        yield torch.arange(start, start + len(made)), made
        start += len(made)


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
