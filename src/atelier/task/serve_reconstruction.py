"""The page of autoencoders: what is left of a picture, and what lies between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.pixels import to_bytes, to_unit
from atelier.task.canvas import to_picture, to_tensor
from atelier.task.serve_model import ServedModel
from atelier.task.serve_parts import board, columns, drop, picture, told, walk
from atelier.task.uploads import Limits, centre_square, open_upload

_STEPS = 24


def reconstruction_page(shown: Sequence[ServedModel], limits: Limits, busy: dict[str, Any]) -> None:
    """Lay the page out."""
    words = "Drop a picture to see what the code keeps of it, and a second one for the way between them."
    gr.Markdown(words, elem_classes="hint")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            drops = [drop("First picture"), drop("Second picture")]
            some = gr.Button("Two test pictures", size="sm")
        with gr.Column(scale=5, min_width=300):
            result = board()

    def made(first: str | None, second: str | None) -> str:
        pictures = [open_upload(file, limits) for file in (first, second) if file is not None]
        if not pictures:
            return ""
        return columns([(served.name, _passed(served, _seen(served, pictures))) for served in shown])

    def drawn(turn: int) -> list[Any]:
        count = shown[0].held_out(None)
        places = Moment(0, turn).within("page").integers("pictures", 2, low=0, high=count).tolist()
        images = shown[0].reals(places, None)
        return [*(to_picture(image).convert("RGB") for image in images), turn + 1]

    for place in drops:
        place.change(told(made), drops, result, **busy)
    turn = gr.State(0)
    some.click(told(drawn), turn, [*drops, turn], **busy)


def _seen(served: ServedModel, pictures: Sequence[Any]) -> Tensor:
    """The pictures as the model knows pictures: uint8 ``[n, C, S, S]``."""
    mode = "L" if served.channels == 1 else "RGB"
    return torch.stack([to_tensor(centre_square(one, served.side).convert(mode)) for one in pictures])


@torch.no_grad()
def _passed(served: ServedModel, pictures: Tensor) -> str:
    model = served.reconstructor
    given = to_unit(pictures).to(model.device)
    made = to_bytes(model.reconstruct(given)).cpu()
    pairs = "".join(picture(one, "as the model sees it") + picture(two, "what is left", "reconstruction.png")
                    for one, two in zip(pictures, made, strict=True))  # fmt: skip
    page = f'<h4>Reconstruction</h4><div class="row two">{pairs}</div>'
    if len(given) < 2:
        return page
    frames = to_bytes(model.between(given[:1], given[1:], _STEPS)).cpu()
    return f"{page}<h4>Between the two</h4>{walk(list(frames))}"
