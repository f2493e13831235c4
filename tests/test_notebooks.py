"""The notebooks: what is committed is whole and clean, and each of them runs from the top in an empty folder."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

_MOST_BYTES = 1_500_000
_MOST_CELLS = 19
_PNG = b"\x89PNG\r\n\x1a\n"
# Folders that machines have and papers do not; "file 3:/4" and "24/7" are none.
_PLACES = re.compile(r"(?<![\w.:/])(/(home|root|tmp|usr|opt|work|mnt|var|Users|private|content)/|[A-Z]:\\)")
_ESCAPE = re.compile(r"\x1b|\[\d+(;\d+)*m")
_TROUBLE = re.compile(r"Traceback|Warning\b|it/s\b|\d%\|")


@cache
def opened(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def texts(path: Path) -> Iterator[str]:
    """All that a reader may read: sources, and outputs as text."""
    for cell in opened(path).cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            for kind, data in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    yield data


def pictures(path: Path) -> Iterator[bytes]:
    for cell in opened(path).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield base64.b64decode(output["data"]["image/png"])


def test_the_index_names_every_one() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS] == sorted(set(re.findall(r"\((\d\d_\w+\.ipynb)\)", index)))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestWhatIsCommitted:
    def test_is_valid_short_and_light(self, path: Path) -> None:
        nbformat.validate(opened(path))
        assert len(opened(path).cells) <= _MOST_CELLS
        assert path.stat().st_size < _MOST_BYTES

    def test_was_run_from_the_top(self, path: Path) -> None:
        code = [cell for cell in opened(path).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))

    def test_has_its_pictures(self, path: Path) -> None:
        found = list(pictures(path))
        assert len(found) >= 2
        assert all(picture.startswith(_PNG) for picture in found)

    def test_ends_without_trouble(self, path: Path) -> None:
        outputs = [output for cell in opened(path).cells for output in cell.get("outputs", [])]
        assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
        printed = "\n".join(output.get("text", "") for output in outputs)
        assert not _TROUBLE.findall(printed)

    def test_names_no_machine(self, path: Path) -> None:
        read = "\n".join(texts(path))
        assert not _PLACES.findall(read)
        assert not _ESCAPE.findall(read)
        assert set(opened(path).metadata) == {"kernelspec", "language_info"}
        assert opened(path).metadata.kernelspec.name == "python3"
        assert not any("execution" in cell.metadata for cell in opened(path).cells)  # times and dates


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_in_an_empty_folder(path: Path, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    environment = {**os.environ, "ATELIER_DATA": str(tmp_path / "none"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env=environment)  # raises CellExecutionError with the cell and what it said
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # What goes wrong under %%capture is shown, but stops nothing.
    assert not [output["evalue"] for output in outputs if output.output_type == "error"]
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(drawn) == len(list(pictures(path)))
