"""Numbers, folders and commands as people read and write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def brief(value: float | None) -> str:
    """A number as people read it: four digits that count, no more."""
    if value is None:
        return "–"
    digits = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return digits.replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds as the two largest units: 41 s, 1 min 41 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, further = divmod(minutes, 60)
    if hours:
        return f"{hours} h {further:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def called(verb: str) -> str:
    """How a verb is called where this process came from: a script of the checkout, a module, or what was installed."""
    script = Path(sys.argv[0])
    uv = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    if script.parts[-2:] == ("atelier", "__main__.py"):
        return f"{uv}python -m atelier {verb}"
    if script.suffix != ".py":
        return f"atelier {verb}"
    beside = script.with_name(f"{verb}.py")
    if not beside.exists():  # it is a launcher's, which started this process on a cluster
        return f"python -m atelier {verb}"
    return f"{uv or 'python '}{near(beside)}"


def speed(images_per_second: float) -> str:
    """Images a second, with as many digits as tell something."""
    return f"{images_per_second:,.0f}" if images_per_second >= 10 else f"{images_per_second:.2g}"


def near(path: Path) -> Path:
    """``path`` from here, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
