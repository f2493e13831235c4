"""The page of translators: a picture goes there and back, from both domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from torch import Tensor

from atelier.direction import BACK, DIRECTIONS, DOMAINS
from atelier.moment import Moment
from atelier.task.canvas import to_picture, to_tensor
from atelier.task.serve_model import ServedModel
from atelier.task.serve_parts import board, columns, comparison, drop, picture, told
from atelier.task.uploads import Limits, open_upload
from atelier.types import Direction, Domain

_TITLES: dict[Direction, str] = {"a_to_b": "From a to b", "b_to_a": "From b to a"}


def translation_page(shown: Sequence[ServedModel], limits: Limits, busy: dict[str, Any]) -> None:
    """Lay the page out; ``busy`` are the settings of events that keep the machine busy."""
    gr.Markdown("Drop a picture: it is taken to the other domain, and back again.", elem_classes="hint")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            place = drop("Your picture")
            with gr.Row():
                some = {domain: gr.Button(f"A test picture of {domain}", size="sm") for domain in DOMAINS}
        with gr.Column(scale=5, min_width=300):
            result = board()

    def translated(file: str | None) -> str:
        if file is None:
            return ""
        source = to_tensor(open_upload(file, limits))
        return columns([(served.name, _both_ways(served, source)) for served in shown])

    def drawn(domain: Domain, turn: int) -> tuple[Any, int]:
        return to_picture(_test_picture(shown[0], domain, turn)).convert("RGB"), turn + 1

    place.change(told(translated), place, result, **busy)
    turn = gr.State(0)
    for domain, button in some.items():
        button.click(told(lambda turn, domain=domain: drawn(domain, turn)), turn, [place, turn], **busy)


def _test_picture(served: ServedModel, domain: Domain, turn: int) -> Tensor:
    count = served.held_out(domain)
    place = int(Moment(0, turn).within("page").integers("picture", 1, low=0, high=count))
    return served.reals([place], domain)[0]


def _both_ways(served: ServedModel, source: Tensor) -> str:
    ways = "".join(f"<div>{_there_and_back(served, source, way)}</div>" for way in DIRECTIONS)
    return f'<div class="ways">{ways}</div>'


def _there_and_back(served: ServedModel, source: Tensor, way: Direction) -> str:
    fake = served.translate(source, way)
    cycle = served.translate(fake, BACK[way])
    three = [picture(source, "picture"), picture(fake, "translated", f"{way}.png"), picture(cycle, "and back")]
    title = _TITLES[way]
    return f'<h4>{title}</h4>{comparison(source, fake, title)}<div class="row">{"".join(three)}</div>'
