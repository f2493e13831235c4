"""What a person reads who asks for help; made from the configuration itself, read as text: it answers at once."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from atelier.callback.words import called
from atelier.cli.mistakes import Mistakes
from atelier.cli.verbs import COMMANDS, VERBS
from atelier.config.axes import AXES
from atelier.config.words import FILLED_IN, describe, groups, suggestion

_WIDEST = 120  # columns; longer lines are hard to read
_COLUMN = 26  # columns of a name, before what is said of it; longer names have a line of their own


class Option(NamedTuple):
    """An option of a verb's own. key: as typed. value: its default, as text. meaning: its comment, "" without one."""

    key: str
    value: str
    meaning: str


def usage(verb: str, conf: Path, axes: Sequence[str] = ()) -> str:
    """The help of one verb: commands that people need, its own options, its axes of choice and their options.

    axes: tell of these alone.

    Raises:
        Mistakes: for an axis that the verb has not.
    """
    composed = composed_axes(conf, verb)
    axes = axes if composed else ()
    if unknown := sorted(set(axes) - composed):
        raise Mistakes([f"--help {axis}: there is no such axis{suggestion(axis, composed)}" for axis in unknown])
    shown = [axis for axis in AXES if axis in (axes or composed)]
    choices = [line for axis in shown for line in _axis(axis, conf)]
    if axes:
        return "\n".join(choices)
    lines = [f"{verb}: {VERBS[verb]}", "", "Commands that people need:"]
    lines += _table([(_as_called(command), meaning) for command, meaning in COMMANDS[verb]])
    lines += ["", "Options (write option=value):"]
    lines += _table([(f"{one.key}={_short(one.value)}", one.meaning) for one in own_options(conf, verb)])
    if choices:
        lines += ["", "Axes of choice (write axis=option):", *choices]
    return "\n".join([*lines, "", *_closing(verb, bool(choices))])


def overview() -> str:
    """The verbs, for ``atelier --help``."""
    verb, completion = called("<verb>"), called("--shell-completion")
    lines = [f"{verb} [option=value ...]", "", *_table(VERBS.items())]
    lines += ["", f"{verb} --help lists the options of a verb. Tab completes them in bash after"]
    return "\n".join([*lines, f'  eval "$({completion} install=bash)"'])


def composed_axes(conf: Path, verb: str) -> set[str]:
    """The groups in the defaults list of a verb's root."""
    text = (conf / f"{verb}.yaml").read_text(encoding="utf-8")
    entries = (line.strip().removeprefix("- ") for line in text.splitlines() if line.startswith("  - "))
    return {entry.split(":")[0].removeprefix("optional ") for entry in entries} & set(groups(conf))


def own_options(conf: Path, verb: str) -> list[Option]:
    """What stands in a verb's root, with the comments above it (``limits.side`` for one a level deeper)."""
    found: list[Option] = []
    comment: list[str] = []
    above = ""
    for line in (conf / f"{verb}.yaml").read_text(encoding="utf-8").split("\nhydra:")[0].splitlines()[1:]:
        if written := re.match(r"( *)#\s*(.*)", line):
            comment.append(written[2])
        elif entry := re.match(r"( *)(\w+):\s*(.*)", line):
            key = f"{above}.{entry[2]}" if entry[1] else entry[2]
            above = above if entry[1] else entry[2]
            if entry[3]:
                found.append(Option(key, entry[3], " ".join(comment)))
                comment = []
    return [one for one in found if one.key not in FILLED_IN]


def _axis(axis: str, conf: Path) -> list[str]:
    options = groups(conf)[axis]
    told = [(option, describe(conf / axis / f"{option}.yaml")) for option in options]
    return [f"  {axis}: {AXES[axis]}", *_table(told, indent=4, column=_COLUMN)]


def _closing(verb: str, has_axes: bool) -> list[str]:
    lines = []
    if has_axes:
        axis = "data" if verb == "train" else "extractor"
        lines += [
            f"{called(verb)} --help {axis} tells of that axis alone. Every option below an axis is written with dots: "
            f"{'data.batch_size=32' if verb == 'train' else 'extractor.weights=<file>'}.",
        ]
    lines += [
        "--cfg job prints all options with their values; -m runs a sweep over lists (seed=1,2,3); --config-dir adds a "
        "folder of your own YAMLs.",
        "The Tab key completes axes, options and keys in bash after this line (zsh, fish: write their names):",
    ]
    wrapped = [part for line in lines for part in textwrap.wrap(line, _width())]
    return [*wrapped, f'  eval "$({called(verb)} --shell-completion install=bash)"']


def _as_called(command: str) -> str:
    """``python src/train.py ...`` in the form in which the user has called this."""
    _, script, *rest = command.split(" ", 2)
    return " ".join([called(Path(script).stem), *rest])


def _short(value: str) -> str:
    return "" if value in ("???", "${run_dir}") else value


def _table(rows: Iterable[tuple[str, str]], indent: int = 2, column: int | None = None) -> list[str]:
    """Names and what is said of them, wrapped beside them."""
    rows = list(rows)
    widest = max((len(name) for name, _ in rows), default=0)
    column = min(widest, column or _width() // 2)
    beside = " " * (indent + column + 2)
    lines: list[str] = []
    for name, meaning in rows:
        told = textwrap.wrap(meaning, max(_width() - len(beside), 20), break_on_hyphens=False)
        if len(name) > column or not told:
            lines.append(" " * indent + name)
        else:
            lines.append(f"{' ' * indent}{name:<{column}}  {told.pop(0)}")
        lines += [beside + line for line in told]
    return lines


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
