"""What is said where nothing can be written."""

from __future__ import annotations

import errno
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from atelier.cli import hydra_job, run
from atelier.task.canvas import write_png
from atelier.task.lock import claimed
from atelier.types import Mistake


def failing(number: int) -> SimpleNamespace:
    def run(cfg: object) -> None:
        raise OSError(number, "said by the system")

    return SimpleNamespace(run=run)


@pytest.mark.parametrize(
    ("number", "what"),
    [
        *((number, "written to") for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)),
        *((number, "read or written") for number in (errno.EACCES, errno.EPERM, errno.EIO)),
    ],
)
def test_a_disk_that_is_full_or_closed_is_told_in_words(
    number: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hydra_job, "task_of", lambda _: failing(number))
    with pytest.raises(Mistake, match=rf"^outputs/run: cannot be {what} \(said by the system\)$"):
        hydra_job._worked("sample", OmegaConf.create({"run_dir": "outputs/run"}))


def test_other_failures_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hydra_job, "task_of", lambda _: failing(errno.EISDIR))
    with pytest.raises(OSError, match="said by the system"):
        hydra_job._worked("sample", OmegaConf.create({"run_dir": "outputs/run"}))


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(Mistake, match=r"file/run: cannot be written to \(Not a directory\)"),
        claimed(tmp_path / "file" / "run", new=True),
    ):
        pass


@contextmanager
def room(most: int) -> Iterator[None]:
    """Files of at most ``most`` bytes: torch's and safetensors' own writers find no room either.

    Who uses it asks for ``capsys`` as well, which keeps what is said in memory.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)  # Python would keep half a module
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("capsys")
@pytest.mark.parametrize(
    ("words", "most", "whole"),
    [
        (["evaluate", "ckpt=RUN", "samples=64", "hydra.run.dir=MADE"], 100, set()),
        (["compare", "RUN", "output=MADE"], 2_500, {"compare.csv"}),
    ],
    ids=["results.json", "compare.html"],
)
def test_no_file_is_left_in_part(words: list[str], most: int, whole: set[str], trained: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    verb, *rest = (word.replace("RUN", str(trained)).replace("MADE", str(made)) for word in words)
    with room(most):
        assert run(verb, rest) == 1
    assert {file.name for file in made.iterdir() if file.suffix != ".log"} == whole


def test_a_picture_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError), room(100):  # the system's own
        write_png(torch.randint(256, (3, 32, 32), dtype=torch.uint8), tmp_path / "picture.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["safetensors", "torch_export"])
def test_an_export_without_room_is_told_in_words(
    form: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with room(5_000):
        assert run("export", [f"ckpt={trained}", f"format={form}", "output=made"]) == 2
    assert "output=made: cannot be written to (File too large)" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "made").iterdir() if file.suffix != ".log"] == []
