"""What a constructor's signature and its class's docstring say of each argument."""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union

from atelier.config.target import resolve
from atelier.types import Mistake

_PLAIN: dict[Any, str] = {
    bool: "true or false",
    int: "int",
    float: "float",
    str: "str",
    Path: "path",
    type(None): "null",
    Any: "any",
    object: "any",
}


class Argument(NamedTuple):
    """Type as a reader of YAML needs it, and description; either may be empty."""

    kind: str
    text: str


@functools.cache
def arguments(path: str) -> dict[str, Argument]:
    """Every argument of the class ``path``; none where it cannot be imported (an extra that is not installed)."""
    try:
        target = resolve(path)
    except Mistake:
        return {}
    parameters = inspect.signature(target).parameters
    texts = described(target, set(parameters))
    try:
        hints = typing.get_type_hints(inspect.getattr_static(target, "__init__"))
    except (NameError, TypeError):
        hints = {}
    return {name: Argument(spelled(hints[name]) if name in hints else "", texts.get(name, "")) for name in parameters}


def summary(path: str) -> str:
    """The first sentence of our class's docstring; "" for other people's classes."""
    try:
        target = resolve(path)
    except Mistake:
        return ""
    if not target.__module__.startswith("atelier."):
        return ""
    return _plain(inspect.cleandoc(target.__doc__ or "").split("\n\n")[0])


def described(target: type, names: set[str]) -> dict[str, str]:
    """Argument → description, from the docstrings of ``target`` and of the classes that it is made from."""
    found: dict[str, str] = {}
    for base in reversed(target.__mro__):
        ours = base.__module__.startswith("atelier.")
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "") if ours else _theirs(base)
        found |= _ours(text, names) if ours else _google(text, names)
    return found


def _theirs(base: type) -> str:
    if base.__module__.split(".")[0] not in ("torch", "pytorch_lightning"):
        return ""
    made = base.__dict__.get("__init__")
    return "\n".join(
        inspect.cleandoc(text) for text in (base.__dict__.get("__doc__"), getattr(made, "__doc__", None)) if text
    )


def _ours(text: str, names: set[str]) -> dict[str, str]:
    """``name: description``, ``first, second: description``, several of them in a paragraph."""
    found: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        words = " ".join(paragraph.split())
        heads = [
            (head.start(), head.end(), head[1].split(", "))
            for head in re.finditer(r"(?:^|(?<=[.;)] )|(?<=\w ))((?:\w+)(?:, \w+)*): ", words)
            if set(head[1].split(", ")) <= names
        ]
        for (_, start, known), end in zip(heads, [*(head[0] for head in heads[1:]), len(words)], strict=False):
            found |= dict.fromkeys(known, _plain(words[start:end].strip()))
    return found


def _google(text: str, names: set[str]) -> dict[str, str]:
    """The first sentence of ``name (type): description``."""
    found: dict[str, str] = {}
    for head in re.finditer(
        r"^\s+(\w+)(?: \([^\n]*\))?:\s*((?:.|\n)*?)(?=\n\s*\n|\n\s+\w+(?: \([^\n]*\))?:|\Z)", text, re.M
    ):
        if head[1] in names:
            sentence = re.split(r"(?<=[a-z)`])\.\s|\(default", " ".join(head[2].split()))[0]
            found[head[1]] = _plain(sentence).rstrip(".,;: ")
    return found


def _plain(text: str) -> str:
    """reStructuredText's marks as Markdown's."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?([\w]+)`", r"`\1`", text)
    return " ".join(text.replace("``", "`").split())


def spelled(hint: Any) -> str:
    """A type annotation in words."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(spelled(each) for each in inside))
    if origin is Literal:
        return " or ".join(map(str, inside))
    if origin is tuple and inside and inside[-1] is not Ellipsis:
        return f"[{', '.join(map(spelled, inside))}]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    if isinstance(origin, type) and issubclass(origin, Sequence | Collection):
        return f"list of {spelled(inside[0])}" if inside else "list"
    if origin is not None and isinstance(origin, type) and issubclass(origin, Callable):  # type: ignore[arg-type]
        return "part"
    return str(getattr(hint, "__name__", "")) or "any"
