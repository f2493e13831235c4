"""report.html: one file that tells what a run did."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.chart import Curve, chart
from atelier.callback.embed import embed
from atelier.callback.frames import frames, studies
from atelier.callback.journal import read_curves
from atelier.callback.per_direction import Twins, twins
from atelier.callback.pictures import read_caption
from atelier.callback.score_panels import NARROW, Panel, notes, score_panels
from atelier.callback.trainer_parts import run_of
from atelier.callback.words import brief, duration, size
from atelier.counted import counted
from atelier.run_folder import RunFolder
from atelier.template import template
from atelier.types import Vanished
from atelier.whole_file import write_text

log = logging.getLogger(__name__)

_MOST_FRAMES = 60
_FRAME_BYTES = 6_500_000
_WALK_BYTES = 1_000_000
_STUDY_BYTES = 1_000_000
_SECONDS_BETWEEN = 60.0

_LOSSES = ("d/loss", "g/loss")
_ACCURACIES = {
    "the discriminator": ("d/accuracy_real", "d/accuracy_fake"),
    "domain a's discriminator": ("d/a/accuracy_real", "d/a/accuracy_fake"),
    "domain b's discriminator": ("d/b/accuracy_real", "d/b/accuracy_fake"),
}
_VALUE = "value"
_PLAYERS = {"g": "Generators", "d": "Discriminators", _VALUE: "Values of the games"}
_TERM = "train/"


class Report(Callback):
    """Writes report.html after validations (once a minute at most), at the end, and when a run fails."""

    def __init__(self) -> None:
        self._written = -math.inf

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the page up to date, if the last one is a minute old."""
        young = time.monotonic() - self._written < _SECONDS_BETWEEN
        if not trainer.sanity_checking and trainer.state.fn == "fit" and not young:
            self._write(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last page."""
        self._write(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write what there is."""
        if trainer.state.fn == "fit" and not isinstance(exception, Vanished):
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        self._written = time.monotonic()
        try:
            write_report(run_of(trainer).path)
        except OSError as error:
            log.warning("report.html could not be written (%s); training goes on", error.strerror or error)
        except Exception:  # hours of training must not be lost over a picture of them
            log.warning("report.html could not be written; training goes on", exc_info=True)


def write_report(run: Path) -> Path:
    """Write ``run``/report.html from what the run's folder holds, and return its path.

    Reads metrics.csv, results.json, config.yaml, overrides.yaml and samples/, each of which may be missing.
    The page loads nothing from elsewhere and stays below 10 MB.
    """
    place = RunFolder(run)
    results, curves = place.read_results(), read_curves(place.metrics)
    config, overrides = _yaml(place.config) or {}, _yaml(place.overrides) or []
    samples, walk = place.samples, place.samples / "interpolation.png"
    file, filters = Path(__file__).with_name("report.html.jinja"), (brief, counted, duration, size)
    page = template(file, escape=True, **{one.__name__: one for one in filters}).render(
        run=run.resolve().name,
        results=results,
        scores=results.get("scores", {}),
        frames=frames(samples, most=_MOST_FRAMES, budget=_FRAME_BYTES),
        heading=read_caption(next(iter(samples.glob("epoch_*.png")), None)),
        walk=embed(walk, _WALK_BYTES) if walk.exists() else None,
        walk_caption=read_caption(walk),
        studies=studies(samples, budget=_STUDY_BYTES),
        players=_players(curves, results.get("equilibrium")) + _shared_terms(curves),
        terms=_terms(curves),
        score_panels=score_panels(curves, results.get("scores", {}), _wanted(config)),
        notes=notes(results.get("scores", {})),
        other_panels=_other_panels(curves),
        overrides=overrides,
        facts=_facts(config),
        config=OmegaConf.to_yaml(config) if config else "",
    )
    write_text(place.report, page)
    return place.report


# --- charts -------------------------------------------------------------------------------------------------


def _players(curves: dict[str, Any], equilibrium: float | None) -> list[Panel]:
    panels = []
    if all(name in curves for name in _LOSSES):
        keys = [("first", "discriminator"), ("second", "generator")]
        panels.append(
            Panel(
                "Losses of the players",
                keys,
                chart([Curve(*curves[name]) for name in _LOSSES], width=NARROW),
            )
        )
    if _VALUE in curves:
        keys, note = [("first", "V(D, G)")], ""
        if equilibrium is not None:
            keys.append(("level", f"equilibrium {equilibrium:.3f}".replace("-", "−")))
            note = "At equilibrium the discriminator cannot tell fakes from reals; above it, it can."
        panels.append(
            Panel(
                "Value of the game",
                keys,
                chart([Curve(*curves[_VALUE])], level=equilibrium, width=NARROW),
                note,
            )
        )
    for judge, names in _ACCURACIES.items():
        if all(name in curves for name in names):
            keys = [("first", "on reals"), ("second", "on fakes"), ("level", "guessing")]
            shown = [Curve(*curves[name]) for name in names]
            svg = chart(shown, level=0.5, bounds=(-0.03, 1.03), width=NARROW)
            panels.append(Panel(f"Accuracy of {judge}", keys, svg))
    return panels


def _shared_terms(curves: dict[str, Any]) -> list[Panel]:
    """The terms of players of which there are two, both in one chart."""
    panels = []
    for pair in _twin_terms(curves):
        player, _, term = pair.stem.partition("/")
        title = f"{_PLAYERS[player]}: {term.replace('_', ' ')}" if term else _PLAYERS[player]
        keys = list(zip(("first", "second"), pair.words, strict=True))
        svg = chart([Curve(*curves[name]) for name in (pair.first, pair.second)], width=NARROW)
        panels.append(Panel(title, keys, svg))
    return panels


def _twin_terms(curves: dict[str, Any]) -> list[Twins]:
    unseen = [name for name in curves if name not in _shown_as_players()]
    return [pair for pair in twins(unseen) if pair.stem.partition("/")[0] in _PLAYERS]


def _shown_as_players() -> set[str]:
    return {*_LOSSES, _VALUE, *(name for names in _ACCURACIES.values() for name in names)}


def _terms(curves: dict[str, Any]) -> list[Panel]:
    """The loss of a model that plays against nobody, and the terms that it is the sum of."""
    names = sorted((name for name in curves if name.startswith(_TERM)), key=lambda name: name != f"{_TERM}loss")
    if len(names) == 2:  # one term, which is the loss
        names = names[:1]
    return [
        Panel(name.removeprefix(_TERM).replace("_", " "), [], chart([Curve(*curves[name])], width=NARROW))
        for name in names
    ]


def _other_panels(curves: dict[str, Any]) -> list[Panel]:
    shown = _shown_as_players()
    shown |= {name for pair in _twin_terms(curves) for name in (pair.first, pair.second)}
    return [
        Panel(name, [], chart([Curve(*curve)]))
        for name, curve in curves.items()
        if name not in shown and not name.startswith(("val/", _TERM))
    ]


# --- words --------------------------------------------------------------------------------------------------


def _yaml(path: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(path)) if path.exists() else None


def _wanted(config: dict[str, Any]) -> dict[str, float]:
    """Values that the configuration asks of scores."""
    rho = (config.get("sparsity") or {}).get("rho")
    return {} if rho is None else {"val/activation": rho}


def _facts(config: dict[str, Any]) -> dict[str, Any]:
    """What is known of the data, for the page's table."""
    data = config.get("data") or {}
    facts = {
        **(data.get("facts") or {}),
        "image_size": data.get("image_size"),
        "channels": data.get("channels"),
    }
    wanted = ("source", "licence", "image_size", "channels", "num_classes")
    return {name.replace("_", " "): facts[name] for name in wanted if facts.get(name) is not None}
