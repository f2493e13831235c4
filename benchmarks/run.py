"""All that is said about speed, measured: atelier against what people run today and against the machine's ceiling.

    uv run benchmarks/run.py                         # every row on this machine's processor
    uv run benchmarks/run.py --quick                 # smaller sizes, fewer rounds
    uv run benchmarks/run.py --only cyclegan,frechet # single rows or all that begin so; --list shows the names
    uv run benchmarks/run.py --device cuda --minutes 9 --json figures.json --markdown figures.md

Contenders take turns; every figure is the median of the pairwise ratios, its quartiles beside it. Before
a contender is timed, its losses and gradients are compared with the plain loop's. docs/speed.md says what is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from suite.alone import alone, leave_nothing_behind
from suite.row import LeftOutError, Report, cells, markdown, notes, table
from suite.workloads import Measure, measures


def main() -> None:
    """Measure what is asked for, and print the table."""
    leave_nothing_behind()
    arguments = _arguments()
    known = measures(arguments.device, quick=arguments.quick)
    if arguments.list:
        print("\n".join(known))
        return
    chosen = _chosen(known, arguments.only)
    report = _measured(chosen, arguments)
    _tell(report)
    if report.failures:
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="where to compute (cpu)")
    parser.add_argument("--only", metavar="NAME[,NAME]", help="the rows whose names begin with one of these")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--list", action="store_true", help="show the names of the rows, and end")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further row after so long")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here as well")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here as well, to be pasted")
    return parser.parse_args()


def _chosen(known: Mapping[str, Measure], only: str | None) -> dict[str, Measure]:
    """The measure of every word in ``only``, or those whose names begin with it; all without ``only``."""
    if only is None:
        return dict(known)
    found: dict[str, Measure] = {}
    for word in map(str.strip, only.split(",")):
        names = [word] if word in known else [name for name in known if name.startswith(word)]
        if not names:
            sys.exit(f"--only {word}: there is no such row (there is: {', '.join(known)})")
        found |= {name: known[name] for name in names}
    return found


def _measured(chosen: Mapping[str, Measure], arguments: argparse.Namespace) -> Report:
    started, minutes = time.monotonic(), arguments.minutes
    if (reason := alone("suite.machine.missing", arguments.device)) is not None:
        sys.exit(reason)
    report = Report(alone("suite.machine.describe", arguments.device))
    print(report.machine, file=sys.stderr)
    for number, (name, measure) in enumerate(chosen.items(), 1):
        if time.monotonic() - started > 60 * minutes:
            report.left_out[name] = f"--minutes {minutes:g} were over"
            continue
        print(f"[{number}/{len(chosen)}] {name} ...", end=" ", flush=True, file=sys.stderr)
        began = time.perf_counter()
        try:
            rows = measure()
        except LeftOutError as reason:
            report.left_out[name] = str(reason)
            print(f"left out: {reason}", file=sys.stderr)
            continue
        except Exception as error:  # one row that fails must not take the others with it
            report.failures[name] = f"{type(error).__name__}: {error}"
            print(f"failed: {report.failures[name]}", file=sys.stderr)
            continue
        report.rows += rows
        _keep(report, arguments)
        figures = ", ".join(cells(row)[4] for row in rows)
        print(f"{figures} ({time.perf_counter() - began:.0f} s)", file=sys.stderr)
    _keep(report, arguments)
    return report


def _keep(report: Report, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for: after every row, so that what was measured stays if the rest is cut off."""
    if arguments.markdown:
        arguments.markdown.write_text(markdown(report) + "\n", encoding="utf-8")
    if arguments.json:
        found = {
            "machine": report.machine,
            "rows": [row.plain() for row in report.rows],
            "left_out": report.left_out,
            "failures": report.failures,
        }
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _tell(report: Report) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table(report))
    for line in notes(report):
        console.print(line, markup=False, highlight=False)


if __name__ == "__main__":
    main()
