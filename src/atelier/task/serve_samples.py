"""The pages of samplers: pictures of nothing but chance, and walks between them."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from atelier.pixels import to_bytes
from atelier.task.inline import address
from atelier.task.serve_model import ServedModel
from atelier.task.serve_parts import as_typed, board, columns, laid_out, tiles, told, walk
from atelier.types import Mistake

_STEPS = 24
_MOST = 2**31 - 1  # seeds that a page's number field keeps exactly


def sample_page(page: gr.Blocks, shown: Sequence[ServedModel], most: int, busy: dict[str, Any]) -> None:
    """Lay out, on ``page``, the samples: at most ``most`` at a time, and some as soon as somebody comes."""
    with gr.Row():
        count = as_typed(gr.Slider(1, most, value=min(16, most), step=1, label="Pictures", min_width=220))
        seed = _seed()
        label = _dropdown({"all in turn": _ALL, **_classes(shown)})
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

    def sampled(count: object, seed: object, label: object, truncation: object) -> Any:
        number, first = _whole(count, 1, most, "Pictures"), _seeded(seed)
        chosen = _class(label, {_ALL, *_classes(shown).values()})
        tails = _between(truncation, _LEAST, _WHOLE, "Truncation")
        limit = None if tails == _WHOLE else tails
        made = [
            served.sample(number, seed=first, label=None if chosen == _ALL else chosen, truncation=limit)
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
        label = _dropdown(_classes(shown))
    with gr.Row():
        go = gr.Button("Another walk", variant="primary", min_width=150)
        same = gr.Button("This seed", min_width=150)
    result = board()

    def walked(seed: object, label: object) -> str:
        first, chosen = _seeded(seed), _class(label, _classes(shown).values())
        return columns([(served.name, walk(list(_walk(served, first, chosen)))) for served in shown])

    show = {"fn": told(walked), "inputs": [seed, label], "outputs": result, **busy}
    same.click(**show)
    go.click(_other, None, seed, show_progress="hidden", api_visibility="private").then(**show)


@torch.no_grad()
def _walk(served: ServedModel, seed: int, label: int) -> Tensor:
    # Classes take turns over the rows of walks: as many rows as end with this one.
    rows = served.classes.index(label) + 1 if label in served.classes else 1
    return to_bytes(served.sampler.interpolate(rows, _STEPS, seed=seed)[-_STEPS:]).cpu()


def _laid_out(sheet: gr.HTML, images: Tensor, seed: int) -> Any:
    names = [f"seed{seed}-{place:03d}.png" for place in range(len(images))]
    return laid_out(sheet, list(images), [address(image) for image in images], names)


_ALL = -1  # the classes take turns
_LEAST, _WHOLE = 0.2, 3.0  # standard deviations: at the slider's end nothing is left out


def _seed() -> gr.Number:
    return as_typed(gr.Number(value=0, label="Seed", minimum=0, maximum=_MOST, min_width=140))


def _classes(shown: Sequence[ServedModel]) -> dict[str, int]:
    """The classes that one model or another knows, as people read them; 0 where there are none."""
    return {str(number): number for number in sorted({each for served in shown for each in served.classes}) or [0]}


def _dropdown(classes: Mapping[str, int]) -> gr.Dropdown:
    choices, several = list(classes.items()), len({*classes.values()} - {_ALL}) > 1
    return as_typed(gr.Dropdown(choices, value=choices[0][1], label="Class", visible=several, min_width=140))


def _truncation(shown: Sequence[ServedModel]) -> gr.Slider:
    there = any(served.truncates for served in shown)
    info = "Smaller: more typical, less varied."
    slider = gr.Slider(
        _LEAST, _WHOLE, value=_WHOLE, step=0.1, label="Truncation", info=info, visible=there, min_width=220
    )
    return as_typed(slider)


def _other() -> int:
    return secrets.randbelow(100_000)


def _seeded(value: object) -> int:
    return _whole(value, 0, _MOST, "Seed")


def _class(value: object, there: Collection[int]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in there:
        raise Mistake(f"Class: one of {', '.join(map(str, sorted(there)))}")
    return value


def _whole(value: object, least: int, most: int, name: str) -> int:
    number = _between(value, least, most, name, "whole ")
    if not number.is_integer():
        raise Mistake(f"{name}: a whole number from {least:,} to {most:,}")
    return int(number)


def _between(value: object, least: float, most: float, name: str, kind: str = "") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Mistake(f"{name}: a {kind}number from {least:,} to {most:,}")
    return float(value)
