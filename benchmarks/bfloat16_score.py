"""Whether bfloat16 trains as well as float32: the same translation between stripes and no stripes, in both.

    uv run benchmarks/bfloat16_score.py outputs/bfloat16 --seeds 0 1

Trains `experiment=cyclegan_stripes` (64 pixels) for each seed in either precision, one run after another, and prints
what each comes to against the truth, which this data set knows. A run that is there already is read.
On a processor without instructions for bfloat16, where torch takes many times as long, convolutions are computed
as such instructions do: products of rounded numbers, summed in float32, and the sum rounded.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from atelier import run

PRECISIONS = ("32", "bf16-mixed")
SCORES = ("val/truth_psnr", "val/truth_psnr_a_to_b", "val/truth_psnr_b_to_a")
_PRODUCTS = (F.conv2d, F.conv_transpose2d, F.linear)


class RoundedProducts(TorchFunctionMode):
    """Under autocast: bfloat16's convolutions and linear layers, their gradients too, by float32's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """``func`` itself, or its rounded rendering."""
        named = kwargs or {}
        if func not in _PRODUCTS or not torch.is_autocast_enabled("cpu"):
            return func(*args, **named)
        with torch.autocast("cpu", enabled=False):
            return func(*map(_rounded, args), **{name: _rounded(value) for name, value in named.items()}).bfloat16()


def _rounded(value: Any) -> Any:
    return value.bfloat16().float() if isinstance(value, Tensor) else value


def arithmetic() -> AbstractContextManager[Any]:
    """This processor's own bfloat16 where it has it, else a rendering of it."""
    return nullcontext() if torch.ops.mkldnn._is_mkldnn_bf16_supported() else RoundedProducts()


def score(folder: Path, seed: int, precision: str, epochs: int) -> list[str]:
    """The last scores of one run, which is trained if it is not there and finished."""
    results = folder / f"{precision}-{epochs}-{seed}" / "results.json"
    if not results.exists():
        words = [f"seed={seed}", f"trainer.precision={precision}", f"trainer.max_epochs={epochs}", "trainer=cpu"]
        with arithmetic():
            run("train", "experiment=cyclegan_stripes", *words, folder=results.parent)
    found = json.loads(results.read_text(encoding="utf-8"))
    if found["status"] != "finished":
        sys.exit(f"{results.parent}: {found['status']}; resume the run, or delete it")
    return [f"{found['scores'][name]['last']:.2f}" for name in SCORES]


def main() -> None:
    """Read the words, train, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    rows = [
        (seed, precision, score(asked.folder.resolve(), seed, precision, asked.epochs))
        for seed in asked.seeds
        for precision in PRECISIONS
    ]
    own = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    print(f"bfloat16 {'by this processor' if own else 'rounded by hand'}; {', '.join(SCORES)} in dB")
    for seed, precision, scores in rows:
        print(f"seed {seed}  {precision:<10}  " + "  ".join(scores))


if __name__ == "__main__":
    main()
