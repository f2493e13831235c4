"""The one check that every network makes of its sizes."""

from __future__ import annotations

from atelier.types import Mistake


def positive(**sizes: int | None) -> None:
    """Raise a Mistake that names the sizes below 1; None stands for "not there" and passes."""
    wrong = [f"{name}={size}" for name, size in sizes.items() if size is not None and size < 1]
    if wrong:
        raise Mistake(f"{', '.join(wrong)}: a network's sizes are whole numbers from 1 upwards")
