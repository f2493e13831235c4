"""Weights & Biases where no server answers: the run goes to disk, and soon."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atelier.callback.wandb_logger import WandbLogger
from wandb_file import only_segment


class _Run:
    """Stands for a run at the server: notes what it is told."""

    id = "12345678"

    def __init__(self) -> None:
        self.told: list[str] = []

    def define_metric(self, name: str, **_: Any) -> None:
        self.told.append(name)

    def finish(self) -> None:
        self.told.append("finish")


def _failing(modes: list[str], error: Exception) -> Callable[..., _Run]:
    def init(*, mode: str, **_: Any) -> _Run:
        modes.append(mode)
        if mode == "online":
            raise error
        return _Run()

    return init


@pytest.mark.parametrize("kind", ["CommError", "UsageError", "TimeoutError", "nobody"])
def test_without_a_server_the_run_is_written_to_disk(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb
    from wandb import errors

    monkeypatch.delenv("WANDB_MODE")
    modes: list[str] = []
    error = getattr(errors, kind, TimeoutError)("no such server")
    monkeypatch.setattr(wandb, "init", _failing(modes, error))
    if kind != "nobody":
        monkeypatch.setattr("atelier.callback.wandb_logger._expect_answer", lambda *_: None)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{_closed_port()}")
    wandb.teardown()  # it has read the environment once
    logger = WandbLogger(str(tmp_path), "atelier", patience=4)
    with caplog.at_level(logging.WARNING):
        logger.begin("12345678", {}, dict)
    assert modes == (["offline"] if kind == "nobody" else ["online", "offline"])
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("atelier")]
    assert "cannot be reached" in line
    assert "written to disk alone" in line
    logger.end()


def test_wandb_mode_always_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    modes: list[str] = []
    monkeypatch.setattr(wandb, "init", _failing(modes, ValueError()))
    for mode in ("offline", "disabled"):
        monkeypatch.setenv("WANDB_MODE", mode)
        WandbLogger(str(tmp_path), "atelier", offline=False).begin("12345678", {}, dict)
    assert modes == ["offline", "disabled"]


def _closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    connection.close()


@pytest.fixture(params=["closed", "silent", "dying"])
def dead_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of no server, of one that accepts and never answers, and of one that answers a single question."""
    import wandb

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        if request.param != "closed":
            listener.listen(50)
        if request.param == "dying":
            threading.Thread(target=_answer_once, args=[listener], daemon=True).start()
        yield f"http://127.0.0.1:{port}"
        wandb.teardown()


@pytest.mark.slow
def test_a_dead_server_costs_at_most_20_seconds(
    dead_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb
    import wandb.sdk.launch  # which every start imports: seconds that no server is to blame for

    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", dead_server)
    wandb.teardown()
    logger = WandbLogger(str(tmp_path), "atelier")
    began = time.monotonic()
    logger.begin("12345678", {"seed": 1}, dict)
    logger.log_metrics({"epoch": 1, "images_seen": 2, "d/loss": 0.5})
    logger.end()
    assert time.monotonic() - began < 20
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("atelier")]
    assert "written to disk alone" in line
    job = only_segment(tmp_path, "offline-*")
    assert (job.config["seed"], job.history[-1]["d/loss"]) == (1, 0.5)
