"""The keys of a YAML of conf/: default, comment, and what its class says of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from arguments import Argument, arguments, summary
from omegaconf import OmegaConf

_FACTS = {
    "kind": "single images, or unpaired domains",
    "num_classes": "how many classes there are",
    "labels": "whether images have class numbers",
    "epochs": "of the usual recipe: trainer.max_epochs follows",
    "validate_every": "epochs between two validations: validate_every follows",
    "width": "channels of a network that suits the data: models follow",
    "licence": "of the data",
    "source": "where the data comes from",
    "counts": "images that a whole download has",
    "paired": "whether true partners are known, for scores alone",
    "holds": "what the data gives, where it is not images",
    "needs": "kind of data that the model wants",
    "players": "1 where the model plays no game",
    "for": "what the part is made for",
    "bounded": "whether levels stay between 0 and 1",
    "needs_labels": "whether the data must have labels",
}
"""What the declared facts mean; they are read by checks and by ``${...}``, not by constructors."""


class Key(NamedTuple):
    """An option as it is typed, its default as YAML has it, its type and its description."""

    name: str
    default: str
    kind: str
    text: str


@functools.cache
def content_of(file: Path) -> dict[str, Any]:
    """What stands in a YAML of conf/, references as they are written."""
    content: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    assert isinstance(content, dict), file
    return content


def keys(file: Path, prefix: str) -> list[Key]:
    """Every key of ``file``, named from ``prefix`` on, in its own order."""
    content = content_of(file)
    known = _inherited_target(file, content)
    return list(_walk(content, prefix, comments(file.read_text(encoding="utf-8")), "", known))


def parents(file: Path) -> list[str]:
    """The options of the same group that ``file`` builds upon."""
    content = content_of(file)
    entries = content.get("defaults", [])
    return [entry for entry in entries if isinstance(entry, str) and entry != "_self_"]


def choices(file: Path) -> list[tuple[str, str]]:
    """The options of other groups that ``file`` chooses, as (group, option)."""
    content = content_of(file)
    entries = content.get("defaults", [])
    pairs = [next(iter(entry.items())) for entry in entries if isinstance(entry, dict)]
    return [(name.removeprefix("override ").removeprefix("/").split("@")[0], str(option)) for name, option in pairs]


def comments(text: str) -> dict[str, str]:
    """Key → the comment above it, without the file's first lines."""
    found: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    pending: list[str] = []
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    for line in lines[first:]:
        head = re.match(r"(\s*)([\w.]+):", line)
        if line.strip().startswith("#"):
            pending.append(line.strip().removeprefix("#").strip())
            continue
        if head:
            stack = [(depth, name) for depth, name in stack if depth < len(head[1])] + [(len(head[1]), head[2])]
            if pending:
                found[".".join(name for _, name in stack)] = " ".join(pending)
        pending = []
    return found


def _inherited_target(file: Path, content: dict[str, Any]) -> dict[str, Argument]:
    """The arguments of the class that the file's parents name, where it names none itself."""
    if "_target_" in content:
        return arguments(str(content["_target_"]))
    for parent in parents(file):
        base = file.with_name(f"{parent}.yaml")
        return _inherited_target(base, content_of(base))
    return {}


def _walk(
    node: dict[str, Any], prefix: str, noted: dict[str, str], place: str, known: dict[str, Argument]
) -> Iterator[Key]:
    for name, value in node.items():
        if name in ("defaults", "hydra") or str(name).startswith("_"):
            continue
        at = f"{place}.{name}" if place else str(name)
        typed = f"{prefix}.{name}" if prefix else str(name)
        says = known.get(str(name), Argument("", ""))
        text = noted.get(at, "") or says.text
        if not isinstance(value, dict):
            yield Key(typed, written(value), says.kind, text or _fact(at))
            continue
        if "_target_" in value:
            target = str(value["_target_"])
            yield Key(typed, target.rpartition(".")[2], "part", text or summary(target))
            yield from _walk(value, typed, noted, at, arguments(target))
        elif value and name != "counts":
            if name != "facts" and text:
                yield Key(typed, "", "mapping", text)
            yield from _walk(value, typed, noted, at, {})
        else:
            yield Key(typed, written(value), "mapping", text or _fact(at))


def _fact(place: str) -> str:
    parent, _, leaf = place.rpartition(".")
    return _FACTS.get(leaf, "") if parent == "facts" else ""


def written(value: Any) -> str:
    """A value as YAML has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(each)}" for name, each in value.items()) + "}"
    return '""' if value == "" else str(value)
