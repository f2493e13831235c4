"""What README and pages say: commands, words in tables, files in code blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.M | re.S)
_FLAGS_WITH_VALUE = {"--cfg", "--config-dir", "--info"}


class Command(NamedTuple):
    """A command line of ours: where it stands, its verb, its overrides, and whether it is a sweep."""

    page: str
    verb: str
    words: tuple[str, ...]
    sweep: bool = False


def pages() -> list[Path]:
    """README and every page of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> list[Command]:
    """Every command of ours in bash blocks and in the text, each once a page."""
    return list(dict.fromkeys(command for page in pages() for command in _commands(page)))


def _commands(page: Path) -> Iterator[Command]:
    text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
    lines = [
        line
        for kind, _, body in _FENCE.findall(text)
        if kind == "bash"
        for line in body.replace("\\\n", " ").splitlines()
    ]
    lines += re.findall(r"`((?:uv run |python )?src/\w+\.py [^`]+)`", _FENCE.sub("", text))
    for line in lines:
        if command := read(line, name):
            yield command


def read(line: str, page: str) -> Command | None:
    """The command of ours in a line of a shell, its placeholders filled; None where there is none."""
    filled = re.sub(r"<[^>\n]+>", "somewhere", " ".join(line.split()))
    found = re.search(r"(?:^|\s)src/(\w+)\.py(.*)", filled)
    if not found:
        return None
    words = shlex.split(found[2], comments=True)
    kept = [
        word.replace("=...", "=somewhere")
        for before, word in zip(["", *words], words, strict=False)
        if not word.startswith("-") and before not in _FLAGS_WITH_VALUE
    ]
    return Command(page, found[1], tuple(kept), "-m" in words)


def cells(page: Path, column: str) -> Iterator[tuple[str, str]]:
    """(heading, cell) for the cells below ``column`` in every table of ``page``."""
    heading, at = "", None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        parts = [part.strip() for part in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not parts:
            at = None
        elif column in parts:
            at = parts.index(column)
        elif at is not None and at < len(parts) and not set(line) <= set("|-"):
            yield heading, parts[at]


def spoken(page: Path, column: str) -> list[tuple[str, Command]]:
    """(heading, command) for everything that a cell says to type: words are those of ``train``."""
    said = []
    for heading, cell in cells(page, column):
        for span in re.findall(r"`([^`]+)`", cell):
            name = str(page.relative_to(ROOT))
            line = span if "src/" in span else f"src/train.py {span}"
            command = read(line, name)
            if command and ("src/" in span or all("=" in word for word in command.words)):
                said.append((heading, command))
    return said


def files(page: Path) -> dict[str, str]:
    """The code blocks that have a path for a title."""
    found = {}
    for _, marks, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        if title := re.search(r'title="([^"]+)"', marks):
            found[title[1]] = body
    return found
