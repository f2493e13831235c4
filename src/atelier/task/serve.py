"""A web page on this machine: drop pictures, sample, walk, and find out whether people can tell the fakes."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from omegaconf import DictConfig, ListConfig

from atelier.checkpoint import read
from atelier.status import TERMINATED
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.serve_address import check_address
from atelier.task.serve_model import ServedModel, open_models
from atelier.types import Mistake

log = logging.getLogger(__name__)

MOST = 4
"""Checkpoints beside one another: more no longer fit on a screen."""

_MOST_PICTURES = 400  # of a quiz: nobody looks at more


def preflight(cfg: DictConfig) -> list[str]:
    """The extra, numbers, the device, and every checkpoint."""
    return wrong_values(cfg) or heard([lambda: _models(cfg)])


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    mistakes = [] if importlib.util.find_spec("gradio") else ["the web page needs gradio: uv sync --extra demo"]
    least = {
        "limits": {"megabytes": 1, "megapixels": 1, "side": 64, "samples": 1, "queue": 1},
        "quiz": {"rounds": 1, "pictures": 1},
    }
    mistakes += [f"{group}.{text}" for group, numbers in least.items() for text in below(cfg[group], numbers)]
    if not mistakes and cfg.quiz.rounds * cfg.quiz.pictures > _MOST_PICTURES:
        mistakes.append(f"quiz.rounds and quiz.pictures: at most {_MOST_PICTURES} pictures in all")
    mistakes += _misplaced(cfg)
    mistakes += heard([lambda: _device(cfg)])
    paths = checkpoints(cfg)
    if not 1 <= len(paths) <= MOST:
        mistakes.append(f"ckpt: {len(paths)} are named; one to {MOST} can be seen beside one another")
    return mistakes + heard([lambda path=path: read(path) for path in paths], prefix="ckpt=")  # type: ignore[misc]  # lambda


def run(cfg: DictConfig) -> None:
    """Serve the page until Ctrl-C (or SIGTERM, which ends with 143)."""
    with quiet_gradio():
        from atelier.task import serve_page

        logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks its own server whether it is up
        served = serve_page.start(serve_page.build(_models(cfg), cfg), cfg)
        log.info("%s (Ctrl-C ends it)", served.address)
        if cfg.host not in serve_page.LOCAL:
            log.warning("host=%s: whoever reaches this machine can use the page; it asks for no password", cfg.host)
        try:
            _wait()
        finally:
            served.blocks.close(verbose=False)


def _misplaced(cfg: DictConfig) -> list[str]:
    """Why the page cannot have its host or port."""
    mistakes = []
    if cfg.port is not None and not (type(cfg.port) is int and 1 <= cfg.port < 2**16):
        mistakes.append(f"port={cfg.port}: a number from 1 to 65535, or null for a free one")
    if not isinstance(cfg.host, str) or not cfg.host:
        mistakes.append(f"host={cfg.host}: 127.0.0.1, or an address of this machine that others know")
    return mistakes or heard([lambda: check_address(cfg.host, cfg.port)])


def checkpoints(cfg: DictConfig) -> list[Any]:
    """The checkpoints that ``ckpt`` names: one, or a list."""
    return list(cfg.ckpt) if isinstance(cfg.ckpt, ListConfig) else [cfg.ckpt]


@contextmanager
def quiet_gradio() -> Iterator[None]:
    """Gradio without telemetry and without the Hugging Face hub, and with a folder of its own for uploads.

    The folder goes when the block ends. Gradio's addresses of uploads name it, so it is one that says nothing of the
    user: not the working folder, nor the run's.
    """
    with tempfile.TemporaryDirectory(prefix="atelier-", ignore_cleanup_errors=True) as folder:
        settings = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": folder}
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _models(cfg: DictConfig) -> list[ServedModel]:
    root = None if cfg.root is None else str(cfg.root)
    return open_models(checkpoints(cfg), device=_device(cfg), root=root)


def _device(cfg: DictConfig) -> torch.device:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if cfg.device is None:
        return best_device()
    if not there.get(str(cfg.device)):
        usable = ", ".join(name for name, usable in there.items() if usable)
        raise Mistake(f"device={cfg.device}: this machine has {usable}")
    return torch.device(str(cfg.device))


def _wait() -> None:
    """Stay until somebody ends it."""

    def leave(*_: object) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGUSR1"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), leave)
    threading.Event().wait()
