"""How time and memory grow: with the side of images, the batch, the data set and the number of processes.

    uv run benchmarks/growth.py                        # a table, and assets/growth.png
    uv run benchmarks/growth.py --quick                # smaller sizes
    uv run benchmarks/growth.py --device cuda --plot growth.png --json growth.json

Small networks (a CycleGAN of width 8), noise, generated data sets: what matters is the shape of the curves. Every point
is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from suite.alone import alone, leave_nothing_behind

ASSETS = Path(__file__).resolve().parents[1] / "assets"
MIB = 2**20


def main() -> None:
    """Measure, print the table, draw the curves."""
    leave_nothing_behind()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="of the training steps (cpu)")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--plot", type=Path, default=ASSETS / "growth.png", metavar="FILE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here as well")
    arguments = parser.parse_args()
    if (reason := alone("suite.machine.missing", arguments.device)) is not None:
        sys.exit(reason)
    found = measured(arguments.device, quick=arguments.quick)
    print(table(alone("suite.machine.describe", arguments.device), found))
    alone("suite.growth_plot.draw", curves(found), arguments.plot)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def measured(device: str, *, quick: bool) -> dict[str, list[list[Any]]]:
    """By what grows: rows of size and figures."""
    shorter = slice(0, -2 if quick else None)
    sides, batches = (32, 64, 128, 256, 512)[shorter], (1, 4, 16, 64, 256)[shorter]
    images, files = (100, 1_000, 10_000, 100_000, 1_000_000)[shorter], (100, 1_000, 10_000, 100_000)[shorter]
    return {
        "side": _each("side", sides, lambda side: alone("suite.growth.step", side, 1, device)),
        "batch": _each("batch", batches, lambda batch: alone("suite.growth.step", 32, batch, device)),
        "images": _each("images", images, lambda count: alone("suite.growth.loader", count)),
        "files": _each("files", files, _folder),
        "processes": _each("processes", (1, 2), lambda count: alone("suite.growth.processes", count)),
    }


def _folder(count: int) -> list[Any]:
    with tempfile.TemporaryDirectory() as place:
        return [alone("suite.growth.decode", place, count), *alone("suite.growth.reopen", place)]


def _each(name: str, sizes: Sequence[int], measure: Callable[[int], Sequence[Any]]) -> list[list[Any]]:
    rows = []
    for size in sizes:
        print(f"{name} {size:,} ...", file=sys.stderr, flush=True)
        rows.append([size, *measure(size)])
    return rows


def curves(found: dict[str, list[list[Any]]]) -> list[tuple[Any, ...]]:
    """What :func:`suite.growth_plot.draw` draws."""
    side, batch, images, files = (list(zip(*found[name], strict=True)) for name in ("side", "batch", "images", "files"))
    each = [1000 * s / b for b, s in zip(batch[0], batch[1], strict=True)]
    pixel = [1e9 * s / a**2 for a, s in zip(side[0], side[1], strict=True)]
    held = {"side": _mib(side[2]), "batch": _mib(batch[2])}
    return [
        ("A step's time by the side of images", side[0], {"ns a pixel": pixel}, "side, px", "ns a pixel"),
        ("A step's time by the batch", batch[0], {"ms an image": each}, "batch", "ms an image"),
        ("A step's memory by side", side[0], {"MiB": held["side"]}, "side, px", "MiB"),
        ("A step's memory by batch", batch[0], {"MiB": held["batch"]}, "batch", "MiB"),
        ("Batches of a data set", images[0], {"µs an image": _micro(images[2])}, "images", "µs an image"),
        (
            "Memory beside the data",
            images[0],
            {"the loader": _mib(images[3]), "a folder's names": _padded(_mib(files[3]), len(images[0]))},
            "images",
            "MiB",
        ),
    ]


def _micro(seconds: Sequence[float]) -> list[float]:
    return [1e6 * each for each in seconds]


def _mib(sizes: Sequence[int | None]) -> list[float]:
    """Nothing measurable is drawn as a hundredth."""
    return [max(size or 0, MIB // 100) / MIB for size in sizes]


def _padded(values: list[float], length: int) -> list[float]:
    return values + [math.nan] * (length - len(values))


def table(machine: str, found: dict[str, list[list[Any]]]) -> str:
    """All figures, and the power with which each grows between the two largest sizes (1 is linear)."""
    lines = [f"{machine}.", ""]
    for name, (heads, factors) in _COLUMNS.items():
        lines += [f"| {name} | {' | '.join(heads)} |", "|---:" * (len(heads) + 1) + "|"]
        for size, *values in found[name]:
            written = [_written(value, factor) for value, factor in zip(values, factors, strict=True)]
            lines.append(f"| {size:,} | {' | '.join(written)} |")
        lines += [_powers(name, found[name]), ""]
    return "\n".join(lines)


_COLUMNS: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "side": (("ms a step", "MiB"), (1e3, 1 / MIB)),
    "batch": (("ms a step", "MiB"), (1e3, 1 / MIB)),
    "images": (("ms to the first batch", "µs an image", "MiB"), (1e3, 1e6, 1 / MIB)),
    "files": (("ms to decode", "ms to open again", "MiB"), (1e3, 1e3, 1 / MIB)),
    "processes": (("ms an image", "MiB (first process)"), (1e3, 1 / MIB)),
}


def _written(value: float | None, factor: float) -> str:
    return "-" if value is None else f"{value * factor:,.3g}" if value * factor < 1000 else f"{value * factor:,.0f}"


def _powers(name: str, rows: list[list[Any]]) -> str:
    """Of the number of pixels where the side of images grows."""
    dimensions = 2 if name == "side" else 1
    (before, *earlier), (last, *later) = rows[-2:]
    powers = [
        f"{math.log(b / a) / math.log(last / before) / dimensions:.2f}" if a and b and min(a, b) > 0 else "-"
        for a, b in zip(earlier, later, strict=True)
    ]
    return f"| power{' of pixels' if name == 'side' else ''} | {' | '.join(powers)} |"


if __name__ == "__main__":
    main()
