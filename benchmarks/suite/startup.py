"""How long a command takes until it answers, and until it trains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from suite.row import Row, timed

ROOT = Path(__file__).resolve().parents[2]
_TRAIN = [sys.executable, str(ROOT / "src" / "train.py")]
_MOST = 120.0  # seconds that the first step may take before it is given up


def rows(rounds: int, *, train: bool) -> list[Row]:
    """``--help``, ``--cfg job`` and, if ``train``, the first training step of the first run; files are warm."""
    found = []
    for words in (["--help"], ["--cfg", "job"]):
        seconds = [_answered(words) for _ in range(rounds + 1)][1:]
        found.append(timed(f"src/train.py {' '.join(words)}", seconds, asked=1.0))
    if train:
        seconds = [_first_step() for _ in range(rounds + 1)][1:]
        heaviest = ", ".join(f"{package} {own:.2f}" for package, own in imports())
        note = "until the first row of metrics.csv is on disk (a row a step, here); "
        note += f"seconds that imports before it take by themselves (-X importtime): {heaviest}"
        found.append(timed("src/train.py, first training step", seconds, asked=10.0, note=note))
    return found


def _answered(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([*_TRAIN, *words], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - started


def _first_step() -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = [f"hydra.run.dir={folder}/run", "callback.bookkeeping.every_n_steps=1"]
        log = Path(folder) / "log"
        started = time.perf_counter()
        with log.open("w") as stream:
            run = subprocess.Popen([*_TRAIN, *words], stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT)
        journal = Path(folder) / "run" / "metrics.csv"
        try:
            while not journal.exists() or journal.read_text().count("\n") < 2:
                if run.poll() is not None or time.perf_counter() - started > _MOST:
                    raise RuntimeError(f"src/train.py did not begin to train: {log.read_text()[-500:]}")
                time.sleep(0.01)
            return time.perf_counter() - started
        finally:
            run.kill()
            run.wait()


def imports(most: int = 12) -> list[tuple[str, float]]:
    """The packages whose own modules take longest to import before training, with their seconds."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        "import atelier.task.train, atelier.model.gan, atelier.data.images",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return by_package(done.stderr).most_common(most)


def by_package(report: str) -> Counter[str]:
    """Seconds by package in what ``-X importtime`` writes: the sums of what their modules take by themselves."""
    seconds: Counter[str] = Counter()
    for line in re.finditer(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", report, re.MULTILINE):
        seconds[line[2].partition(".")[0]] += int(line[1]) / 1e6
    return seconds
