"""The page of the quiz: which of these are fake?

Who made a picture stays on this side until the quiz is over. Real and fake come in the same way: PNGs of one size in
pixels and in bytes, inside the page, without names.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import gradio as gr
from torch import Tensor

from atelier.task.inline import address
from atelier.task.quiz import Item, Outcome, checked, draw, judge, keep, record
from atelier.task.serve_model import ServedModel
from atelier.task.serve_parts import as_typed, laid_out, look, tiles, told
from atelier.types import Domain, Mistake

log = logging.getLogger(__name__)

_RULES = (
    "**Which of these are fake?** "
    "Some of these pictures are real, and some were made by the model: for each, a fair coin decided. "
    "Click on those that you take for **fake**."
)


@dataclass
class Sitting:
    """One person's quiz, kept on this side of the page.

    rounds: what is shown. marks: what was called fake in the rounds that are over. shown: every picture so far, by
    round. style: how the page draws them.
    """

    model: int
    seed: int
    rounds: list[list[Item]]
    marks: list[list[int]] = field(default_factory=list)
    shown: list[list[str]] = field(default_factory=list)
    style: str = ""


def quiz_page(shown: Sequence[ServedModel], rounds: int, pictures: int, busy: dict[str, Any]) -> None:
    """Lay the page out."""
    with gr.Column(elem_classes="narrow"):
        gr.Markdown(_RULES, elem_classes="hint")
        names = [(served.name, place) for place, served in enumerate(shown)]
        which = as_typed(gr.Radio(names, value=0, label="Fakes by", visible=len(shown) > 1))
        begin = gr.Button("Begin", variant="primary")
        progress = gr.Markdown(visible=False)
        sheet = tiles(least=130, word="fake")
        following = gr.Button("Next", variant="primary", visible=False)
    result = gr.HTML(visible=False, elem_classes="result")
    state = gr.State(None, time_to_live=3600)

    def begun(which: int) -> list[Any]:
        if which not in range(len(shown)):
            raise Mistake("There is no such model.")
        seed = secrets.randbelow(2**31)
        sitting = Sitting(which, seed, _drawn(shown[which], seed, rounds, pictures))
        return _next_round(shown, sitting, sheet)

    def answered(sitting: Sitting | None, marks: object) -> list[Any]:
        if sitting is None:
            raise Mistake("This quiz was left alone for too long. Please begin again.")
        sitting.marks.append(checked(marks, pictures))
        return (_next_round if len(sitting.marks) < rounds else _end)(shown, sitting, sheet)

    parts = [state, progress, sheet, following, result, begin]
    begin.click(told(begun), which, parts, **busy)
    following.click(told(answered), [state, sheet], parts, **busy)


def _drawn(served: ServedModel, seed: int, rounds: int, pictures: int) -> list[list[Item]]:
    if served.ways:
        return draw(seed, rounds, pictures, reals=served.held_out("b"), fakes=served.held_out("a"))
    return draw(seed, rounds, pictures, reals=served.held_out(None))


def _next_round(shown: Sequence[ServedModel], sitting: Sitting, sheet: gr.HTML) -> list[Any]:
    number = len(sitting.marks)
    images = _images(shown[sitting.model], sitting.seed, sitting.rounds[number])
    sitting.shown.append([address(image, alike=True) for image in images])
    sitting.style = look(images[0])
    last = number + 1 == len(sitting.rounds)
    return [
        sitting,
        gr.update(visible=True, value=f"**Round {number + 1} of {len(sitting.rounds)}**"),
        laid_out(sheet, images, sitting.shown[-1]),
        gr.update(visible=True, value="Finish" if last else "Next"),
        gr.update(visible=False),
        gr.update(value="Begin again", variant="secondary"),
    ]


def _images(served: ServedModel, seed: int, items: Sequence[Item]) -> list[Tensor]:
    """The round's pictures, uint8 ``[C, S, S]``, all of one shape."""
    domain: Domain | None = "b" if served.ways else None
    reals = iter(served.reals([item.place for item in items if not item.fake], domain))
    made = iter(_fakes(served, seed, [item.place for item in items if item.fake]))
    images = [next(made if item.fake else reals) for item in items]
    assert len({image.shape for image in images}) == 1, "real and fake can be told apart by their size"
    return images


def _fakes(served: ServedModel, seed: int, places: Sequence[int]) -> list[Tensor]:
    if served.ways:
        return [served.translate(image, "a_to_b") for image in served.reals(places, "a")]
    return [served.sample(1, seed=seed, start=place)[0] for place in places]


def _end(shown: Sequence[ServedModel], sitting: Sitting, sheet: gr.HTML) -> list[Any]:
    served = shown[sitting.model]
    facts = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "checkpoint": served.loaded.file.name,
        "fingerprint": served.fingerprint(),
        "model": str(served.loaded.cfg.get("model_name")),
        "data": str(served.loaded.cfg.get("data_name")),
        "split": "test",
        "seed": sitting.seed,
    }
    try:
        keep(served.folder, record(sitting.rounds, sitting.marks, facts))
        kept = "The answers are kept in quiz.jsonl in the run's folder."
    except OSError as error:
        log.warning("%s: quiz.jsonl could not be written (%s)", served.folder, error.strerror or error)
        kept = "The answers could not be kept: the run's folder cannot be written to."
    page = _told(judge(sitting.rounds, sitting.marks), kept) + _unveiled(sitting)
    hidden, emptied = gr.update(visible=False), laid_out(sheet, [], [])
    again = gr.update(value="Once more", variant="primary")
    return [None, hidden, emptied, hidden, gr.update(visible=True, value=page), again]


def _told(outcome: Outcome, kept: str) -> str:
    low, high, error = (100 * share for share in (*outcome.interval, outcome.error))
    verdict = "The interval holds 50 %: you may as well have guessed."
    if high < 50:
        verdict = "You can tell them apart: guessing would be wrong half of the time."
    elif low > 50:
        verdict = "You were wrong more often than a coin: the fakes look more real to you than the real ones."
    return f"""
<div class="figure">{error:.0f} %</div>
<p>wrong: {outcome.wrong} of {outcome.judged} pictures. 95 % interval: {low:.0f} to {high:.0f} %.</p>
<div class="scale"><div class="range" style="left: {low:.2f}%; width: {high - low:.2f}%"></div>
<div class="guess"></div><div class="point" style="left: {error:.2f}%"></div></div>
<div class="ends"><span>0 %</span><span>50 %: guessing</span><span>100 %</span></div>
<p>{verdict} You took {outcome.believed} of {outcome.fakes} fakes for real, and {outcome.doubted} of {outcome.reals}
reals for fake.</p><p>{kept}</p>"""


def _unveiled(sitting: Sitting) -> str:
    figures = []
    for items, marks, pictures in zip(sitting.rounds, sitting.marks, sitting.shown, strict=True):
        for place, (item, source) in enumerate(zip(items, pictures, strict=True)):
            right = item.fake == (place in marks)
            words, kind = "fake" if item.fake else "real", "right" if right else "wrong"
            figures.append(
                f'<figure class="{kind}"><img class="{sitting.style}" src="{source}" alt="{words}">'
                f"<figcaption>{words}</figcaption></figure>"
            )
    return (
        f'<p>All of them; outlined are those about which you were wrong.</p><div class="told">{"".join(figures)}</div>'
    )
