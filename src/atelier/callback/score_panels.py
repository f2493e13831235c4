"""Scores as charts, and what has to be known to compare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from atelier.callback.chart import Curve, chart
from atelier.callback.words import brief

NARROW = 3.9  # inches, of charts of which three stand in one row
_WIDE = 5.2

_BESIDE = {"_pixels": "raw pixels", "_pca": "PCA of equal width"}


class Panel(NamedTuple):
    """A chart with its heading, what its lines are called, and a note."""

    title: str
    keys: list[tuple[str, str]]  # (colour's name on the page, words)
    svg: str
    note: str = ""


def score_panels(curves: Mapping[str, Any], scores: Mapping[str, Any], wanted: Mapping[str, float]) -> list[Panel]:
    """A chart of every score, with its best value and its floor.

    A score that is only there to be compared with (``val/probe_pixels`` beside ``val/probe``) is drawn in the other's
    chart. wanted: values that scores are to come to, by name.
    """
    own = {name: score for name, score in scores.items() if name in curves and not _is_beside(name, scores)}
    width = NARROW if len(own) > 4 else _WIDE
    return [_panel(name, score, curves, wanted, width) for name, score in own.items()]


def _panel(
    name: str, score: Mapping[str, Any], curves: Mapping[str, Any], wanted: Mapping[str, float], width: float
) -> Panel:
    shown, level, mark = [Curve(*curves[name])], score.get("floor"), None
    higher = score.get("higher_is_better")
    keys = [("first", "fakes against reals" if "fake" in score["protocol"] else "this model")]
    if score["best"] is not None and higher is not None:
        mark = (score["best_epoch"], score["best"])
        keys.append(("mark", f"best {brief(score['best'])}, epoch {score['best_epoch']}"))
    if level is not None:
        keys.append(("level", f"real against real {brief(level)}"))
    if f"{name}_pixels" in curves:
        shown.append(Curve(*curves[f"{name}_pixels"]))
        keys.append(("second", f"{_BESIDE['_pixels']} {brief(shown[-1].values[-1])}"))
    if f"{name}_pca" in curves:
        level = curves[f"{name}_pca"][1][-1]
        keys.append(("level", f"{_BESIDE['_pca']} {brief(level)}"))
    if name in wanted:
        level = wanted[name]
        keys.append(("level", f"wanted {brief(level)}"))
    note = "" if higher is None else "Higher is better." if higher else "Lower is better."
    return Panel(name.removeprefix("val/"), keys, chart(shown, level=level, mark=mark, width=width), note)


def _is_beside(name: str, scores: Mapping[str, Any]) -> bool:
    return any(name.endswith(suffix) and name.removesuffix(suffix) in scores for suffix in _BESIDE)


def notes(scores: Mapping[str, Any]) -> list[str]:
    """What the figures are, one sentence for those of one protocol."""
    told: dict[str, list[str]] = {}
    for name, score in scores.items():
        for words in _words(score["protocol"]):
            told.setdefault(words, []).append(name.removeprefix("val/"))
    if len(told) <= 1 or all(len(names) == len(scores) for names in told.values()):
        return list(told)
    return [f"{', '.join(names)}: {words}" for words, names in told.items()]


def _words(protocol: Mapping[str, Any]) -> Iterator[str]:
    if "extractor" in protocol:
        maker = "averaged generator (EMA)" if protocol["ema"] else "the model as trained (no EMA)"
        seed = protocol["seed"]
        yield (
            f"{protocol['fake']:,} fakes against {protocol['real']:,} reals · extractor {protocol['extractor']} "
            f"({protocol['identity'][:8]}) · resize: {protocol['resize']} · {maker} · "
            f"{'reconstructions' if seed is None else f'latents of seed {seed}'}"
        )
        if "warning" in protocol:
            yield f"Mind: {protocol['warning']}."
    elif protocol:
        yield " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in protocol.items())
