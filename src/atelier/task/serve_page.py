"""The web page: one tab for each thing that the models on show can do.

Imported by :func:`atelier.task.serve.run` alone, after it has set what Gradio reads from the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from omegaconf import DictConfig
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from atelier.task.serve_address import in_address
from atelier.task.serve_model import ServedModel
from atelier.task.serve_quiz import quiz_page
from atelier.task.serve_reconstruction import reconstruction_page
from atelier.task.serve_samples import sample_page, walk_page
from atelier.task.serve_shield import Shield
from atelier.task.serve_translation import translation_page
from atelier.task.uploads import Limits
from atelier.types import Mistake

# One request at a time, whichever page it comes from: models and data are not made for several at once.
_BUSY = {"concurrency_id": "models", "concurrency_limit": 1, "api_visibility": "private"}

_TEN_MINUTES = 600

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts under which nobody but this machine reaches the page."""


class Open(NamedTuple):
    """A page that is served: its address, and Gradio's blocks, which can be closed."""

    address: str
    blocks: gr.Blocks


def build(shown: Sequence[ServedModel], cfg: DictConfig) -> gr.Blocks:
    """The page of these models, not served yet."""
    limits = Limits(cfg.limits.megapixels, cfg.limits.side)
    page = gr.Blocks(title="atelier", analytics_enabled=False, delete_cache=(_TEN_MINUTES, _TEN_MINUTES))
    with page:
        names = ", ".join(escape(served.name) for served in shown)
        gr.HTML(f"<h1>atelier</h1><p>{names}</p>", elem_classes="masthead")
        with gr.Tabs():
            if able := [served for served in shown if served.ways]:
                with gr.Tab("Translate"):
                    translation_page(able, limits, _BUSY)
            if able := [served for served in shown if served.sampler]:
                with gr.Tab("Samples"):
                    sample_page(page, able, cfg.limits.samples, _BUSY)
                with gr.Tab("Walk"):
                    walk_page(able, _BUSY)
            if able := [served for served in shown if served.reconstructor]:
                with gr.Tab("Reconstruct"):
                    reconstruction_page(able, limits, _BUSY)
            if able := [served for served in shown if served.ways or served.sampler]:
                with gr.Tab("Quiz"):
                    quiz_page(able, cfg.quiz.rounds, cfg.quiz.pictures, _BUSY)
    return page


def start(page: gr.Blocks, cfg: DictConfig) -> Open:
    """Serve ``page`` in a thread of its own.

    Raises:
        Mistake: if the host or port cannot be had.
    """
    page.queue(max_size=cfg.limits.queue, default_concurrency_limit=1, api_open=False)
    settings: dict[str, Any] = {
        "share": False,
        "show_error": False,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": False,
        "pwa": False,
        "allowed_paths": [],
        "state_session_capacity": 256,
        "max_file_size": cfg.limits.megabytes * 2**20,
        "app_kwargs": {"openapi_url": None, "middleware": _middleware(cfg.host)},
        "theme": _theme(),
        "css": (Path(__file__).parent / "serve.css").read_text(encoding="utf-8"),
    }
    try:
        _, address, _ = page.launch(
            prevent_thread_lock=True,
            quiet=True,
            inbrowser=cfg.open_browser,
            server_name=in_address(cfg.host),
            server_port=cfg.port,
            **settings,
        )
    except OSError as error:
        port = "" if cfg.port is None else f" port={cfg.port}"
        raise Mistake(f"host={cfg.host}{port}: cannot be served there (in use, or not of this machine)") from error
    return Open(address, page)


def _middleware(host: str) -> list[Middleware]:
    # A site elsewhere may name this machine as its own; a browser then says the site's name here.
    hosts = [*LOCAL, "[::1]"] if host in LOCAL else ["*"]
    return [Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(Shield)]


def _theme() -> gr.themes.Base:
    letters = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Soft(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=letters,
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
    plain = {
        f"{part}{dark}": value
        for dark in ("", "_dark")
        for part, value in (
            ("block_title_background_fill", "none"),
            ("block_title_text_color", "*body_text_color"),
            ("block_label_background_fill", "*background_fill_secondary"),
            ("block_label_text_color", "*body_text_color"),
            ("button_primary_background_fill", "*primary_700"),
            ("button_primary_background_fill_hover", "*primary_600"),
        )
    }
    # In the dark it would be the brighter of two buttons.
    plain |= {"button_secondary_background_fill_dark": "*neutral_700"}
    plain |= {"button_secondary_background_fill_hover_dark": "*neutral_600"}
    return theme.set(**plain, block_title_padding="0", block_title_text_weight="500", button_large_text_weight="500")
