"""Scores as charts, and what has to be known to compare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from atelier.callback.chart import Curve, chart
from atelier.callback.per_direction import Twins, twins
from atelier.callback.words import brief
from atelier.counted import counted

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
    chart, and the scores of two directions or domains share one. wanted: values that scores are to come to, by name.
    """
    own = {name: score for name, score in scores.items() if name in curves and not _is_beside(name, scores)}
    pairs = twins(own)
    paired = {name for pair in pairs for name in (pair.stem, pair.first, pair.second)}
    single = {name: score for name, score in own.items() if name not in paired}
    width = NARROW if len(pairs) + len(single) > 4 else _WIDE
    panels = [_twin_panel(pair, scores, curves, width) for pair in pairs]
    return panels + [_panel(name, score, curves, wanted, width) for name, score in single.items()]


def _twin_panel(pair: Twins, scores: Mapping[str, Any], curves: Mapping[str, Any], width: float) -> Panel:
    """Both sides in one chart, each with what the untouched input would get; the mean of both in words."""
    sides = (pair.first, pair.second)
    keys = [
        (colour, f"{words}, best {brief(scores[name]['best'])}")
        for colour, words, name in zip(("first", "second"), pair.words, sides, strict=True)
    ]
    untouched = [scores[name]["untouched"] for name in sides if scores[name].get("untouched") is not None]
    untouched = untouched if len(untouched) == len(sides) else []  # a lone one would take the wrong side's colour
    if untouched:
        keys.append(("level", f"untouched input {' and '.join(map(brief, untouched))} (dashed)"))
    floors = [value for name in sides if (value := scores[name]["floor"]) is not None]
    told = [f"Real against real {' and '.join(map(brief, floors))}."] if floors else []
    if (mean := scores.get(pair.stem)) is not None:
        told.append(f"Mean of both: best {brief(mean['best'])} in epoch {mean['best_epoch']}.")
    told.append("Higher is better." if scores[pair.first]["higher_is_better"] else "Lower is better.")
    svg = chart([Curve(*curves[name]) for name in sides], levels=untouched, width=width)
    return Panel(pair.stem.removeprefix("val/"), keys, svg, " ".join(told))


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
        direction, subsets = protocol.get("direction"), protocol.get("subsets")
        maker = "averaged generator (EMA)" if protocol["ema"] else "the model as trained (no EMA)"
        seed = protocol["seed"]
        made = f"latents of seed {seed}" if seed is not None else "reconstructions"
        if direction is not None:
            made = f"translations {direction.replace('_', ' ')}"
        if subsets is not None:
            made += f" · {counted(subsets, 'subset')} of {protocol['subset_size']}"
        yield (
            f"{protocol['fake']:,} fakes against {protocol['real']:,} reals · extractor {protocol['extractor']} "
            f"({protocol['identity'][:8]}) · resize: {protocol['resize']} · {maker} · {made}"
        )
    elif protocol:
        plain = {name: value for name, value in protocol.items() if name != "warning"}
        yield " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in plain.items())
    if "warning" in protocol:
        yield f"Mind: {protocol['warning']}."
