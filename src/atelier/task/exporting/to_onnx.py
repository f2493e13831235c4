"""ONNX: one file per program, for onnxruntime and everything that reads its kind."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atelier.task.exporting.agreement import agree
from atelier.task.exporting.program import Bundle, Program
from atelier.task.exporting.written import Written

_OPSET = 18


class Onnx:
    """Programs as ``<name>.onnx``, weights inside, what is known of them in ``metadata_props`` under ``atelier``."""

    needs: tuple[str, ...] = ("onnx", "onnxscript", "onnxruntime")
    library = "onnx"

    def check(self, bundle: Bundle) -> None:
        """Every program can be written."""

    def write(self, bundle: Bundle, folder: Path) -> Iterator[Written]:
        """Write and try one program after the other.

        Raises:
            Differs: if onnxruntime computes something else than PyTorch.
        """
        for program in bundle.programs:
            file = folder / f"{program.name}.onnx"
            self._write(program, bundle.facts | program.facts(), file)
            yield Written(file, program.signature, _how(program), agree(program, _runner(file), file))

    def _write(self, program: Program, facts: dict[str, Any], file: Path) -> None:
        with quiet():
            made = torch.onnx.export(
                program.network,
                program.examples(),
                input_names=[slot.name for slot in program.inputs],
                output_names=[program.output],
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
                dynamic_shapes=program.dynamic(),
            )
        assert made is not None
        made.model.metadata_props["atelier"] = json.dumps(facts)
        made.save(str(file), external_data=False)


def _runner(file: Path) -> Any:
    import onnxruntime  # type: ignore[import-untyped]  # it comes without types

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Tensor:
        (made,) = session.run(None, dict(zip(names, (tensor.numpy() for tensor in inputs), strict=True)))
        return torch.from_numpy(made)

    return run


def _how(program: Program) -> str:
    given = ", ".join(f'"{slot.name}": {slot.name}' for slot in program.inputs)
    lines = [f"{slot.name} = {slot.in_numpy()}" for slot in program.inputs]
    return "\n".join(
        [
            "import numpy as np",
            "import onnxruntime",
            "",
            f'session = onnxruntime.InferenceSession("{program.name}.onnx")',
            *lines,
            f"({program.output},) = session.run(None, {{{given}}})  # {program.gives}",
        ]
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep to themselves what the exporters print, log and warn of; what goes wrong is raised."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "torch.fx", "onnxscript", "onnx_ir")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
