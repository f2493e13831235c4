"""What is said where nothing can be written."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from atelier.cli import verb
from atelier.task.lock import claimed
from atelier.types import Mistake


def failing(number: int) -> SimpleNamespace:
    def run(cfg: object) -> None:
        raise OSError(number, "said by the system")

    return SimpleNamespace(run=run)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_no_more_is_told_in_words(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_task", lambda _: failing(number))
    with pytest.raises(Mistake, match=r"^outputs/run: cannot be written to \(said by the system\)$"):
        verb._worked("sample", OmegaConf.create({"run_dir": "outputs/run"}))


def test_other_failures_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_task", lambda _: failing(errno.EIO))
    with pytest.raises(OSError, match="said by the system"):
        verb._worked("sample", OmegaConf.create({"run_dir": "outputs/run"}))


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(Mistake, match=r"file/run: cannot be written to \(Not a directory\)"),
        claimed(tmp_path / "file" / "run", new=True),
    ):
        pass
