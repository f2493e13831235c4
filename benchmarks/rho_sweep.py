"""What sparsity costs: a sweep over rho as a table and one picture.

    uv run src/train.py -m experiment=sparse_autoencoder_digits sparsity.weight=10 \\
        sparsity.rho=0.02,0.05,0.1,0.2 hydra.sweep.dir=outputs/rho
    uv run benchmarks/rho_sweep.py outputs/rho

Reads config.yaml and results.json of every run in the folder, prints wanted and measured mean activations with the
reconstruction error, and writes rho_sweep.png beside the runs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from omegaconf import OmegaConf


class Run(NamedTuple):
    """Wanted mean activation, measured one (mean and deviation over the units), share of dead units, error."""

    rho: float
    activation: float
    deviation: float
    dead: float
    mse: float


def read(folder: Path) -> list[Run]:
    """The runs of a sweep in the order of rho."""
    runs = []
    for file in folder.glob("*/results.json"):
        rho = OmegaConf.select(OmegaConf.load(file.with_name("config.yaml")), "sparsity.rho")
        scores = json.loads(file.read_text(encoding="utf-8"))["scores"]
        names = ("activation", "activation_std", "dead", "mse")
        runs.append(Run(float(rho), *(scores[f"val/{name}"]["last"] for name in names)))
    return sorted(runs)


def draw(runs: list[Run], path: Path) -> None:
    """Left: is rho obeyed? Right: what it costs."""
    figure = Figure(figsize=(9, 3.8), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    wanted = [run.rho for run in runs]
    left.plot([0, max(wanted)], [0, max(wanted)], color="#c8ccd1", zorder=0, label="obeyed")
    left.errorbar(
        wanted,
        [run.activation for run in runs],
        yerr=[run.deviation for run in runs],
        fmt="o",
        color="#2f6fde",
        label="units: mean and deviation",
    )
    left.set(xlabel="wanted mean activation ρ", ylabel="measured on held-out images")
    left.legend(frameon=False)
    right.plot(wanted, [run.mse for run in runs], marker="o", color="#d9622b")
    right.set(xlabel="wanted mean activation ρ", ylabel="held-out squared error per pixel")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xticks(wanted)
    figure.savefig(path)


def main() -> None:
    """Table and picture of the folder that is named on the command line."""
    if len(sys.argv) != 2 or not (runs := read(Path(sys.argv[1]))):
        sys.exit(__doc__)
    print("| rho | mean activation | deviation over units | off by | dead | mse |")
    print("|---|---|---|---|---|---|")
    for run in runs:
        off = run.activation / run.rho - 1
        words = f"{run.activation:.4f} | {run.deviation:.4f} | {off:+.1%} | {run.dead:.1%} | {run.mse:.5f}"
        print(f"| {run.rho:g} | {words} |")
    path = Path(sys.argv[1]) / "rho_sweep.png"
    draw(runs, path)
    print(path)


if __name__ == "__main__":
    main()
