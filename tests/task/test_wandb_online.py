"""Weights & Biases online: a small server of the test's own takes a run, and in the middle of it answers no more."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atelier.callback.wandb_logger import WandbLogger
from wandb_file import Logged, segments

pytestmark = pytest.mark.slow

PROJECT = {"id": "p", "name": "atelier", "entity": {"id": "e", "name": "me"}}
BUCKET = {
    "id": "b",
    "name": "12345678",
    "displayName": "run",
    "config": "{}",
    "project": PROJECT,
    "historyLineCount": 0,
}
ANSWERS: dict[str, Any] = {
    "RunResumeStatus": {"model": {**PROJECT, "bucket": None}},
    "UpsertBucket": {"upsertBucket": {"bucket": BUCKET, "inserted": True}},
}


class Server(ThreadingHTTPServer):
    """Answers the questions without which no run begins; after ``silent`` it accepts them and says nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.silent, self.over = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self.runs: list[dict[str, Any]] = []


class Answer(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        if self.server.silent.is_set():
            self.server.over.wait()
            return
        data = {}
        if self.path == "/graphql":
            question = json.loads(body)
            named = re.search(r"(?:query|mutation)\s+(\w+)", question["query"])
            name = named[1] if named else ""
            data = ANSWERS.get(name, {})
            if name == "UpsertBucket":
                self.server.runs.append(question["variables"])
        content = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST  # noqa: N815  # the base asks for these names

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import wandb
    import wandb.sdk.launch  # which every start imports: seconds that no server is to blame for

    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    wandb.teardown()
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{made.server_port}")
        yield made
        made.over.set()
        wandb.teardown()
        made.shutdown()


def test_a_server_that_falls_silent_delays_no_step(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything lies on disk all the same, as it would offline."""
    import wandb

    patience, rows, picture = 4, 300, np.zeros((64, 64, 3), np.uint8)
    logger = WandbLogger(str(tmp_path), "atelier", group="seeds", patience=patience)
    with caplog.at_level(logging.WARNING):
        logger.begin("12345678", {"seed": 1}, dict)
        logger.log_image("samples", [picture], caption=["Samples."])
    assert not caplog.records
    assert (server.runs[0]["name"], server.runs[0]["project"], server.runs[0]["groupName"]) == (
        "12345678",
        "atelier",
        "seeds",
    )
    server.silent.set()
    asked, slowest = len(server.asked), 0.0
    for epoch in range(rows):
        began = time.monotonic()
        logger.log_metrics({"epoch": epoch, "images_seen": 10 * epoch, "d/loss": 0.5})
        if epoch % 100 == 0:
            logger.log_image("samples", [picture], caption=["Samples."])
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    assert slowest < 1
    began = time.monotonic()
    logger.end()
    assert time.monotonic() - began < patience + 5
    assert len(server.asked) > asked  # it was asked, and said nothing
    wandb.teardown()  # its service writes the last records when it ends
    (file,) = segments(tmp_path)
    assert file.parent.name.startswith("run-")
    job = Logged(file)
    assert job.config["seed"] == 1
    assert [row["epoch"] for row in job.history if "d/loss" in row] == list(range(rows))
    assert len([row for row in job.history if "samples.captions" in row]) == 4
