"""The formats by the names under which people ask for them."""

from __future__ import annotations

import importlib.util

from atelier.config.words import suggestion
from atelier.task.exporting.to_onnx import Onnx
from atelier.task.exporting.to_reference import Reference
from atelier.task.exporting.to_safetensors import Safetensors
from atelier.task.exporting.to_torch_export import TorchExport
from atelier.task.exporting.written import Format
from atelier.types import Mistake

FORMATS: dict[str, Format] = {
    "onnx": Onnx(),
    "torch_export": TorchExport(),
    "safetensors": Safetensors(),
    "reference": Reference(),
}


def chosen(name: str) -> Format:
    """The format called ``name``, whose packages are there.

    Raises:
        Mistake: if there is none, or a package is missing.
    """
    if name not in FORMATS:
        raise Mistake(f"format={name}: there is no such format{suggestion(str(name), FORMATS)}")
    missing = [package for package in FORMATS[name].needs if importlib.util.find_spec(package) is None]
    if missing:
        raise Mistake(f"format={name}: needs {', '.join(missing)}; uv sync --extra export installs what is missing")
    return FORMATS[name]
