"""Files of runs, perhaps somebody else's: read without trust. Nothing is built, and no torch is loaded."""

from __future__ import annotations

import csv
import json
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from atelier.run_folder import RunFolder
from atelier.types import Mistake

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_BYTES = {".json": 4_000_000, ".yaml": 2_000_000, ".csv": 64_000_000}
_MOST_LETTERS, _MOST_LEAVES, _MOST_POINTS = 80, 5_000, 600
_MOST_PICTURE_BYTES, _MOST_PIXELS = 40_000_000, 60_000_000

Curves = dict[str, tuple[list[float], list[float]]]


def number(value: object) -> float | None:
    """``value`` if it is a number that can be worked with, else None (also for true, infinity and not-a-number)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and abs(found) < 1e200 else None


def clean(value: object, most: int = _MOST_LETTERS) -> str:
    """``value`` as one line of text that neither steers a terminal nor fills a page."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in str(value)[: most + 1])
    shown = shown.encode(errors="replace").decode()
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def mapping(value: object) -> dict[str, Any]:
    """``value`` if it is a mapping with names for keys, else an empty one."""
    return {name: item for name, item in value.items() if isinstance(name, str)} if isinstance(value, Mapping) else {}


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        Mistake: if it cannot be read, saying why.
    """
    try:
        return json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise Mistake(f"{file.name} cannot be read ({clean(error)})") from error


def read_yaml(file: Path) -> Any:
    """The content of a YAML file: plain values, each written out (a reference can make megabytes of a line).

    Raises:
        Mistake: if it cannot be read, or holds references.
    """
    text = _text(file)
    try:
        written_out = not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER))
        content = yaml.load(text, Loader=_LOADER) if written_out else None  # one of the two safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Mistake(f"{file.name} cannot be read ({clean(error)})") from error
    if not written_out:
        raise Mistake(f"{file.name} cannot be read (it holds references)")
    return content


def leaves(node: object) -> dict[str, Any]:
    """All values below mappings, by their paths with dots; lists count as values.

    Raises:
        Mistake: if there are more than any configuration has.
    """
    found: dict[str, Any] = {}
    for path, value in _leaves(node, "", 0):
        found[path] = value
        if len(found) > _MOST_LEAVES:
            raise Mistake(f"config.yaml holds more than {_MOST_LEAVES:,} options")
    return found


def read_scores(file: Path) -> Curves:
    """The columns ``val/...`` of a metrics.csv as (images seen, values), at most 600 points of each.

    Raises:
        Mistake: if it cannot be read.
    """
    if not file.is_file():
        return {}
    curves: Curves = {}
    try:
        for row in csv.DictReader(_text(file).splitlines()):
            position = _parsed(row.get("images_seen"))
            for name, text in row.items():
                if name and name.startswith("val/") and position is not None and (value := _parsed(text)) is not None:
                    images, values = curves.setdefault(name, ([], []))
                    images.append(position)
                    values.append(value)
    except csv.Error as error:
        raise Mistake(f"{file.name} cannot be read ({clean(error)})") from error
    step = {name: -(-len(values) // _MOST_POINTS) for name, (_, values) in curves.items()}
    return {name: (images[:: step[name]], values[:: step[name]]) for name, (images, values) in curves.items()}


def last_samples(folder: Path) -> Path | None:
    """The run's last picture of samples that is whole."""
    # Names sort as time goes on.
    files = sorted(RunFolder(folder).samples.glob("epoch_*.png"), reverse=True)
    return next((file for file in files if _is_picture(file, folder)), None)


def _is_picture(file: Path, folder: Path) -> bool:
    """Whether ``file`` is a whole PNG of a sane size that really lies in the run's folder."""
    try:
        if not file.resolve().is_relative_to(folder.resolve()) or file.stat().st_size > _MOST_PICTURE_BYTES:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=["PNG"]) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return False
                picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False
    return True


def _text(file: Path) -> str:
    if not file.is_file():
        raise Mistake(f"there is no {file.name}")
    try:
        if file.stat().st_size <= _MOST_BYTES[file.suffix]:
            return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{file.name} cannot be read ({clean(error)})") from error
    raise Mistake(f"{file.name} is larger than any that a run writes")


def _leaves(node: object, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node and depth < 30:
        for name, child in node.items():
            yield from _leaves(child, f"{path}.{name}" if path else str(name), depth + 1)
    elif path:
        yield path, node


def _parsed(text: object) -> float | None:
    try:
        return number(float(text)) if isinstance(text, str) and text else None
    except ValueError:
        return None
