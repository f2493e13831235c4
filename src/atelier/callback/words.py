"""Numbers as people read them."""

from __future__ import annotations


def brief(value: float | None) -> str:
    """A number as people read it: four digits that count, no more."""
    if value is None:
        return "–"
    digits = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return digits.replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds as the two largest units."""
    minutes, hours = seconds / 60, seconds / 3600
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.0f} h {minutes % 60:02.0f} min"


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
