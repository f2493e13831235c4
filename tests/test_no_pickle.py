"""Nothing in this project opens a file in a way that can run what is in it: read from the source, call by call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "runpy"}
_CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "torch.hub.load", "pandas.read_pickle"}
_SHELLS = {"run", "call", "check_call", "check_output", "Popen"}


def faults(source: str) -> Iterator[str]:
    """What ``source`` must not do, with lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in _MODULES)
        if isinstance(node, ast.Call) and not _safe(ast.unparse(node.func), node):
            yield f"{node.lineno}: {ast.unparse(node)}"


def _safe(called: str, node: ast.Call) -> bool:
    said = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if called == "torch.load":
        return said.get("weights_only") == "True"
    if called in ("np.load", "numpy.load"):
        return said.get("allow_pickle", "False") == "False"
    if called in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"):
        return "Loader" in said and "unsafe" not in said["Loader"].lower()
    if called.partition(".")[2] in _SHELLS or called in _SHELLS:
        return said.get("shell", "False") == "False"
    return called not in _CALLS


def _sources() -> list[Path]:
    return sorted(file for folder in ("src", "benchmarks") for file in (ROOT / folder).rglob("*.py"))


def test_no_file_is_opened_in_a_way_that_runs_it() -> None:
    found = {str(file.relative_to(ROOT)): list(faults(file.read_text(encoding="utf-8"))) for file in _sources()}
    assert {file: lines for file, lines in found.items() if lines} == {}
    assert len(found) > 200


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)",
        "eval(word)",
        "os.system(word)",
        "subprocess.run(word, shell=True)",
        "torch.hub.load('owner/repository', 'model')",
    ],
)
def test_it_would_be_found(line: str) -> None:
    assert list(faults(line))
