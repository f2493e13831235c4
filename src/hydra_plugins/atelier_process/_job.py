"""One job: a process, its folder, and what passes between it and the sweep."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atelier.callback.sweep_parent import GO, PARENT_SCRIPT, PRUNE, REPORTS, RESULT, VERB
from atelier.callback.words import called

log = logging.getLogger(__name__)

_TOLD = 12  # lines of a failed job's log that are repeated


class Job:
    """A running job. Its output goes to ``console.log`` in its folder, what came of it to ``job.json``.

    number: of the job in its sweep.
    words: its overrides, each one argument of the command: no shell reads them.
    folder: the run's folder.
    verb: "train" and the like.
    environment: what it finds around it.
    asks: whether it reports its validations and waits for answers.
    """

    def __init__(
        self, number: int, words: Sequence[str], folder: Path, verb: str, environment: Mapping[str, str], *, asks: bool
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.number, self.words, self.folder, self.verb = number, list(words), folder, verb
        self.pruned = self.stopped = False
        self._record, self._console = folder / "job.json", folder / "console.log"
        self._reports = folder / "validations.jsonl"
        self._record.unlink(missing_ok=True)  # a former attempt's
        self._told, self._heard = _length(self._console), _length(self._reports)
        self._started = time.monotonic()
        channels = {RESULT: str(self._record), VERB: verb, PARENT_SCRIPT: sys.argv[0]}
        if asks:
            channels[REPORTS] = str(self._reports)
        with self._console.open("ab") as output:
            self._process = subprocess.Popen(
                command(words),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, **channels},
                # Ctrl-C reaches the sweep alone, which tells its jobs.
                start_new_session=True,
            )

    def running(self) -> bool:
        """Whether its process is still there."""
        return self._process.poll() is None

    def echo(self) -> None:
        """Repeat what it has printed since the last time, in whole lines."""
        lines, self._told = _news(self._console, self._told)
        for line in lines:
            log.info("#%d | %s", self.number, line)

    def reports(self) -> list[tuple[int, float]]:
        """Validations since the last time: number and figure. Each one waits for an :meth:`answer`."""
        lines, self._heard = _news(self._reports, self._heard)
        found = [json.loads(line) for line in lines]
        return [(report["step"], report["value"]) for report in found]

    def answer(self, *, prune: bool) -> None:
        """Let it go on after a report, or give it up."""
        self.pruned = self.pruned or prune
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may have ended in the meantime
            self._process.stdin.write(f"{PRUNE if prune else GO}\n".encode())
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ask it to save and leave, if it is still there."""
        self.stopped = self.running()
        with contextlib.suppress(OSError):
            self._process.terminate()

    def kill(self) -> None:
        """End it and all processes of its session at once."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> dict[str, Any]:
        """Once it has ended: what came of it, also written to ``job.json``."""
        status = self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        early = "stopped" if self.stopped else "failed"  # it may have come to its end before it was asked
        outcome = early if status else "pruned" if self.pruned else "done"
        record = {
            "job": self.number,
            "words": self.words,
            "command": f"{called(self.verb)} {shlex.join(self.words)}",
            "status": outcome,
            "exit_status": status,
            "value": None if status else _value(self._record),
            "seconds": round(time.monotonic() - self._started, 1),
            "last_lines": self._last_lines() if status else [],
        }
        self._record.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return record

    def _last_lines(self) -> list[str]:
        text = self._console.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if line.strip()][-_TOLD:]


def unused(folder: Path) -> Path:
    """``folder``, or where a former attempt lies there, the next name that is free."""
    attempt, free = 1, folder
    while free.exists():
        attempt += 1
        free = folder.with_name(f"{folder.name}-attempt{attempt}")
    return free


def command(words: Sequence[str]) -> list[str]:
    """What starts a job; its words are arguments, which no shell reads."""
    return [sys.executable, "-m", "atelier.cli.job", *words]


def _value(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["value"]
    except (OSError, ValueError, KeyError):
        return None


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _news(file: Path, start: int) -> tuple[list[str], int]:
    """The whole lines of ``file`` behind byte ``start``, and where the next ones will begin."""
    if not file.exists():
        return [], start
    with file.open("rb") as stream:
        stream.seek(start)
        fresh = stream.read()
    end = fresh.rfind(b"\n") + 1
    return fresh[:end].decode("utf-8", errors="replace").splitlines(), start + end
