"""torch.export: one ``.pt2`` per program, which PyTorch opens without this project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atelier.task.exporting.agreement import agree
from atelier.task.exporting.program import Bundle, Program
from atelier.task.exporting.to_onnx import quiet
from atelier.task.exporting.written import Written, write_at_once

FACTS = "atelier.json"


class TorchExport:
    """Programs as ``<name>.pt2``, what is known of them in the extra file ``atelier.json``.

    Batches are of any size; heights and widths too, but for U-Nets.
    """

    needs: tuple[str, ...] = ()
    library = "pytorch"

    def check(self, bundle: Bundle) -> None:
        """Every program can be written."""

    def write(self, bundle: Bundle, folder: Path) -> Iterator[Written]:
        """Write, load back and try one program after the other.

        Raises:
            Differs: if what is loaded computes something else.
        """
        for program in map(_settled, bundle.programs):
            file = folder / f"{program.name}.pt2"
            with quiet():
                made = torch.export.export(
                    program.network, program.examples(), dynamic_shapes=program.dynamic(), strict=False
                )
                known = {FACTS: json.dumps(bundle.facts | program.facts())}
                write_at_once(file, partial(torch.export.save, made, extra_files=known))
                loaded = torch.export.load(file).module()
            yield Written(file, program.signature, _how(program), agree(program, _runner(loaded), file))


def _settled(program: Program) -> Program:
    """``program``, of fixed sizes where a side may be halved down to one pixel: torch.export lets that pixel be one
    always or never (a guard on ``side // multiple != 1``), and it is the size at which U-Nets are trained.
    """
    one = any(slot.sides is not None and slot.sides.smallest == slot.sides.multiple for slot in program.inputs)
    return program.fixed() if one else program


def _runner(loaded: Any) -> Any:
    def run(inputs: Sequence[Tensor]) -> Tensor:
        made: Tensor = loaded(*inputs)
        return made

    return run


def _how(program: Program) -> str:
    given = ", ".join(f"torch.from_numpy({slot.name})" for slot in program.inputs)
    return "\n".join(
        [
            "import numpy as np",
            "import torch",
            "",
            f'network = torch.export.load("{program.name}.pt2").module()',
            *(f"{slot.name} = {slot.in_numpy()}" for slot in program.inputs),
            f"{program.output} = network({given})  # {program.gives}",
        ]
    )
