"""The pages of samplers: pictures of nothing but chance, and walks between them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from atelier.pixels import to_bytes
from atelier.task.inline import address
from atelier.task.serve_model import ServedModel
from atelier.task.serve_parts import board, columns, laid_out, tiles, told, walk
from atelier.types import Mistake

_STEPS = 24
_MOST = 2**31 - 1  # seeds that a page's number field keeps exactly


def sample_page(page: gr.Blocks, shown: Sequence[ServedModel], most: int, busy: dict[str, Any]) -> None:
    """Lay out, on ``page``, the samples: at most ``most`` at a time, and some as soon as somebody comes."""
    with gr.Row():
        count = gr.Slider(1, most, value=min(16, most), step=1, label="Pictures", min_width=220)
        seed = _seed()
        label = _classes(shown)
        truncation = _truncation(shown)
    with gr.Row():
        again = gr.Button("Other pictures", variant="primary", min_width=150)
        same = gr.Button("This seed", min_width=150)
    beside = []
    with gr.Row():
        for served in shown:
            with gr.Column(min_width=300):
                if len(shown) > 1:
                    gr.Markdown(f"### {served.name}")
                beside.append(tiles(least=84))

    def sampled(count: float, seed: float, label: int, truncation: float) -> Any:
        number, first = _whole(count, 1, most, "pictures"), _whole(seed, 0, _MOST, "seed")
        limit = None if truncation >= _WHOLE else max(float(truncation), 0.1)
        made = [
            served.sample(number, seed=first, label=None if label < 0 else int(label), truncation=limit)
            for served in shown
        ]
        laid = [_laid_out(sheet, images, first) for sheet, images in zip(beside, made, strict=True)]
        return laid if len(laid) > 1 else laid[0]  # a list is the value of a single output

    given = [count, seed, label, truncation]
    show = {"fn": told(sampled), "inputs": given, "outputs": beside, **busy}
    page.load(**show)
    same.click(**show)
    again.click(_other, None, seed, show_progress="hidden", api_visibility="private").then(**show)


def walk_page(shown: Sequence[ServedModel], busy: dict[str, Any]) -> None:
    """Lay out the page of walks."""
    gr.Markdown("From one point of the latent space to another: move the handle.", elem_classes="hint")
    with gr.Row():
        seed = _seed()
        label = _classes(shown, start=0)
    with gr.Row():
        go = gr.Button("Another walk", variant="primary", min_width=150)
        same = gr.Button("This seed", min_width=150)
    result = board()

    def walked(seed: float, label: int) -> str:
        first = _whole(seed, 0, _MOST, "seed")
        return columns([(served.name, walk(list(_walk(served, first, label)))) for served in shown])

    show = {"fn": told(walked), "inputs": [seed, label], "outputs": result, **busy}
    same.click(**show)
    go.click(_other, None, seed, show_progress="hidden", api_visibility="private").then(**show)


@torch.no_grad()
def _walk(served: ServedModel, seed: int, label: int) -> Tensor:
    # Classes take turns over the rows of walks, so the last of label + 1 rows is of that class.
    rows = label + 1 if served.classes is not None and 0 <= label < served.classes else 1
    return to_bytes(served.sampler.interpolate(rows, _STEPS, seed=seed)[-_STEPS:]).cpu()


def _laid_out(sheet: gr.HTML, images: Tensor, seed: int) -> Any:
    names = [f"seed{seed}-{place:03d}.png" for place in range(len(images))]
    return laid_out(sheet, list(images), [address(image) for image in images], names)


_WHOLE = 3.0  # standard deviations at which the slider leaves nothing out


def _seed() -> gr.Number:
    return gr.Number(value=0, label="Seed", precision=0, minimum=0, maximum=_MOST, min_width=140)


def _classes(shown: Sequence[ServedModel], start: int = -1) -> gr.Dropdown:
    """The classes from ``start`` on; -1 stands for all of them."""
    most = max((served.classes or 0 for served in shown), default=0)
    choices = [("all in turn" if number < 0 else str(number), number) for number in range(start, max(most, 1))]
    return gr.Dropdown(choices, value=start, label="Class", visible=most > 0, min_width=140)


def _truncation(shown: Sequence[ServedModel]) -> gr.Slider:
    there = any(served.truncates for served in shown)
    info = "Smaller: more typical, less varied."
    return gr.Slider(0.2, _WHOLE, value=_WHOLE, step=0.1, label="Truncation", info=info, visible=there, min_width=220)


def _other() -> int:
    return secrets.randbelow(100_000)


def _whole(value: Any, least: int, most: int, name: str) -> int:
    if not isinstance(value, int | float) or value != int(value) or not least <= value <= most:
        raise Mistake(f"{name}: a whole number from {least:,} to {most:,}")
    return int(value)
