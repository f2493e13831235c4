"""How many there are, as people write it."""

from __future__ import annotations


def counted(count: float, unit: str) -> str:
    """``count`` of ``unit``, which has an s where it is not one: 1 epoch, 2.5 epochs, 1,442 images."""
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {unit}{'' if count == 1 else 's'}"
