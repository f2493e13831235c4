"""Reads what Weights & Biases writes to disk: a log in LevelDB's framing, of protocol buffers."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

_BLOCK, _HEADER = 32768, 7
_FULL, _LAST = 1, 4


def segments(run: Path) -> list[Path]:
    """The files that the processes of the run in ``run`` have written, in order of time."""
    return sorted(run.glob("wandb/*run-*/run-*.wandb"))


def records(file: Path) -> Iterator[Any]:
    """Every record of a file: after 7 bytes, blocks of 32 KiB with chunks [crc32, length, kind] + data."""
    content = file.read_bytes()
    assert content[:4] == b":W&B", content[:_HEADER]
    place, gathered = _HEADER, b""
    while place + _HEADER <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + _HEADER])
        if kind == 0:
            return
        gathered += content[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(gathered)
            gathered = b""
            yield record


class Logged:
    """What one segment says: ``run`` (project, group, job type), ``config``, ``history``, ``summary``, ``metrics``."""

    def __init__(self, file: Path) -> None:
        self.kinds: dict[str, int] = {}
        self.config: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.artifacts: list[Any] = []
        self.run: Any = None
        for record in records(file):
            self._take(record)

    def _take(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "run":
            self.run = record.run
            self.config |= _items(record.run.config.update)
        elif kind == "config":
            self.config |= _items(record.config.update)
        elif kind == "history":
            self.history.append(_items(record.history.item))
        elif kind == "summary":
            self.summary |= _items(record.summary.update)
        elif kind == "metric":
            self.metrics[record.metric.name or record.metric.glob_name] = record.metric
        elif kind == "artifact":
            self.artifacts.append(record.artifact)

    def names(self) -> set[str]:
        """Everything that was logged over time."""
        return {name for row in self.history for name in row if not name.startswith("_")}


def _items(entries: Any) -> dict[str, Any]:
    return {entry.key or ".".join(entry.nested_key): json.loads(entry.value_json) for entry in entries}


def only_segment(run: Path, pattern: str = "*") -> Logged:
    """What the only segment of that name in the run's folder says."""
    import wandb

    wandb.teardown()  # its service writes the last records when it ends
    (file,) = [file for file in segments(run) if file.parent.match(pattern)]
    return Logged(file)
