"""What the pages are put together from: a place to drop a picture, boards that show, tiles that can be clicked on.

Pictures are shown by data addresses in the page itself: no picture of ours becomes a file that a server hands out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, TypeVar

import gradio as gr
from torch import Tensor

from atelier.task.inline import address
from atelier.types import Mistake

_Part = TypeVar("_Part", bound=gr.components.Component)

_SMALL = 160  # below it pixels are shown as squares: smoothing would invent what the model did not make

_TILES = """
<div class="tiles" style="--least: ${least}px">
${tiles.map((picture, n) => `<button type="button" class="tile" data-n="${n}" data-word="${word}"
  aria-pressed="${value.includes(n)}" aria-label="picture ${n + 1}"
  ><img class="${look}" src="${picture}" alt=""></button>`).join('')}
</div>
${tiles.length && names.length ? `<div class="under">
<button type="button" data-save>Save ${value.length ? value.length + ' picked' : 'all'}</button>
<span>Click on pictures to pick them.</span></div>` : ''}
"""

_CLICKS = """
const save = (address, name) => {
  const link = document.createElement('a');
  link.href = address; link.download = name; link.click();
};
element.addEventListener('click', event => {
  if (event.target.closest('[data-save]')) {
    const wanted = props.value.length ? props.value : props.tiles.map((_, n) => n);
    wanted.forEach((n, turn) => setTimeout(() => save(props.tiles[n], props.names[n]), 150 * turn));
    return;
  }
  const tile = event.target.closest('.tile');
  if (!tile) return;
  const n = Number(tile.dataset.n);
  props.value = props.value.includes(n) ? props.value.filter(other => other !== n) : [...props.value, n];
  setTimeout(() => element.querySelector(`[data-n="${n}"]`)?.focus({preventScroll: true}));
});
"""

_HANDLES = """
const show = (walk, n) => {
  const frames = walk.querySelectorAll('.strip img');
  frames.forEach((frame, place) => frame.classList.toggle('now', place === n));
  walk.querySelector('.large').src = frames[n].src;
};
element.addEventListener('input', event => {
  const walk = event.target.closest('.walk'), compare = event.target.closest('.compare');
  if (walk) show(walk, Number(event.target.value));
  if (compare) compare.style.setProperty('--at', event.target.value + '%');
});
element.addEventListener('click', event => {
  const frame = event.target.closest('.strip img');
  if (!frame) return;
  const walk = frame.closest('.walk'), n = [...frame.parentNode.children].indexOf(frame);
  walk.querySelector('input').value = n;
  show(walk, n);
});
"""


def drop(label: str) -> gr.Image:
    """A place for a picture, which hands on the file as it came: it is opened by us, with our limits and words."""
    # Of our own test pictures Gradio would show a lossy copy, were PNG not asked for.
    place = gr.Image(
        label=label, type="filepath", format="png", sources=["upload", "clipboard"], height=260, buttons=[]
    )
    # Of a class of ours Gradio would write an interface file beside this one.
    place.preprocess = _path  # type: ignore[method-assign]  # as said above
    # Gradio's own example lies on a server elsewhere, and the page would name it.
    place.example_inputs = dict  # type: ignore[method-assign]  # as said above
    return place


def _path(payload: Any) -> str | None:
    return None if payload is None or payload.path is None else str(payload.path)


def as_typed(part: _Part) -> _Part:
    """``part``, which hands on what was typed or chosen as it is: the action checks it, in our words.

    Gradio rounds what it gets, and of what is out of bounds it shows the terminal a traceback.
    """
    part.preprocess = _same  # type: ignore[method-assign]  # of this one alone
    return part


def _same(payload: Any) -> Any:
    return payload


def told(action: Callable[..., Any]) -> Callable[..., Any]:
    """``action``, its mistakes told on the page in one line; of what nobody foresaw it says "Error" alone."""

    @functools.wraps(action)
    def telling(*given: Any) -> Any:
        try:
            return action(*given)
        except Mistake as mistake:
            raise gr.Error(escape(str(mistake)), duration=20, title="Not this one", print_exception=False) from None

    return telling


def board() -> gr.HTML:
    """A place for what :func:`columns` makes, with working handles."""
    return gr.HTML(value="", js_on_load=_HANDLES, elem_classes="board")


def tiles(least: int, word: str = "picked") -> gr.HTML:
    """Pictures that can be clicked on; its value is the list of those that were.

    least: width in pixels that a picture has at least. word: what stands on a clicked one.
    """
    return gr.HTML(
        value=[],
        html_template=_TILES,
        js_on_load=_CLICKS,
        elem_classes="board",
        tiles=[],
        names=[],
        least=least,
        word=word,
        look="",
    )


def laid_out(sheet: gr.HTML, images: Sequence[Tensor], addresses: Sequence[str], names: Sequence[str] = ()) -> Any:
    """The new contents of :func:`tiles`: none of them picked, to be saved under ``names`` if there are any.

    images, addresses: the pictures, and what the page shows of them; none empty the sheet.
    """
    shown = {"tiles": list(addresses), "names": list(names), "look": look(images[0]) if images else ""}
    # All properties, not only the new: a page that has not been looked at yet knows no others.
    return gr.update(value=[], **{**sheet.props, **shown})


def columns(parts: Sequence[tuple[str, str]]) -> str:
    """Titles and contents beside one another; a single one goes without its title."""
    if len(parts) == 1:
        return f'<div class="columns one"><section>{parts[0][1]}</section></div>'
    sections = "".join(f"<section><h3>{escape(title)}</h3>{content}</section>" for title, content in parts)
    return f'<div class="columns">{sections}</div>'


def picture(image: Tensor, caption: str, save: str = "") -> str:
    """A picture (uint8 ``[C, H, W]``) over its caption, and a link to save it as ``save``."""
    source = address(image)
    link = f' <a class="save" href="{source}" download="{escape(save)}">save</a>' if save else ""
    return (
        f'<figure><img class="{look(image)}" src="{source}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}{link}</figcaption></figure>"
    )


def comparison(before: Tensor, after: Tensor, words: str) -> str:
    """Two pictures of one size over each other, with a handle that uncovers one or the other."""
    return (
        '<figure class="compare" style="--at: 50%"><div class="frame">'
        f'<img class="{look(after)}" src="{address(after)}" alt="after">'
        f'<img class="over {look(before)}" src="{address(before)}" alt="before">'
        f'<input type="range" min="0" max="100" value="50" aria-label="{escape(words)}: how much of the first is seen">'
        "</div></figure>"
    )


def walk(frames: Sequence[Tensor]) -> str:
    """Frames (uint8 ``[C, H, W]``) with a handle to go through them."""
    sources, kind = [address(frame) for frame in frames], look(frames[0])
    strip = "".join(
        f'<img class="{kind}{" now" if place == 0 else ""}" src="{source}" alt="step {place + 1}">'
        for place, source in enumerate(sources)
    )
    return (
        f'<div class="walk"><img class="large {kind}" src="{sources[0]}" alt="where the walk stands">'
        f'<input type="range" min="0" max="{len(frames) - 1}" value="0" aria-label="where on the walk">'
        f'<div class="strip">{strip}</div></div>'
    )


def look(image: Tensor) -> str:
    """The class of a picture's element: small ones are shown with their pixels as squares."""
    return "small" if min(image.shape[1:]) < _SMALL else ""
