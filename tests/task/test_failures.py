"""Every foreseen failure of a run has one clear word, and the command that goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch._dynamo.exc import TorchDynamoException

from atelier.callback.preemption import Preemption
from atelier.task.failures import explain_failures
from atelier.types import Mistake, Vanished


@pytest.fixture
def cfg(tmp_path: Path) -> DictConfig:
    (tmp_path / "checkpoints").mkdir()
    clock = {"callbacks": {"Clock": {"step": 3, "epoch": 1.5}}}
    torch.save(clock, tmp_path / "checkpoints" / "last.ckpt")
    (tmp_path / "config.yaml").touch()
    options = {"data": {"batch_size": 64, "workers": 2}, "model": {"parts": 1}, "trainer": {"precision": "32-true"}}
    return OmegaConf.create(options | {"run_dir": str(tmp_path), "compile": True})


@pytest.mark.parametrize(
    ("error", "fragments"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), ["data.batch_size=32", "model.parts=2", "bf16-mixed"]),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried"), ["data.batch_size=64"]),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), ["data.batch_size=64"]),
        (MemoryError(), ["out of memory"]),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), ["data.workers=2", "data.workers=0"]),
        (TorchDynamoException("compiled.so: file too short"), ["file too short", "compile=false"]),
        (FileNotFoundError(2, "No such file or directory", "pictures/1.png"), ["pictures/1.png"]),
    ],
)
def test_a_failure_names_its_cure(error: Exception, fragments: list[str], cfg: DictConfig) -> None:
    with pytest.raises(Mistake) as told, explain_failures(cfg, _trainer()):
        raise error
    way_on = ["The state of epoch 1.5 is kept, and goes on with: ", "resume="]
    assert [fragment for fragment in [*fragments, *way_on] if fragment not in str(told.value)] == []


def test_where_no_state_is_kept_no_way_on_is_told(cfg: DictConfig, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"half")
    with pytest.raises(Mistake) as told, explain_failures(cfg, _trainer()):
        raise MemoryError
    assert "resume=" not in str(told.value)


def test_one_image_at_a_time_is_not_halved(cfg: DictConfig) -> None:
    cfg.data.batch_size = 1
    with pytest.raises(Mistake) as told, explain_failures(cfg, _trainer()):
        raise torch.OutOfMemoryError("CUDA out of memory")
    said = str(told.value)
    assert "data.batch_size=1." not in said.partition("What helps")[2] and "model.parts=2" not in said
    assert "bf16-mixed, or smaller images or a smaller network" in said


def test_a_file_that_is_missing_because_the_folder_is_gone(cfg: DictConfig, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(Vanished, match="folder is gone"), explain_failures(cfg, _trainer()):
        raise FileNotFoundError(2, "No such file or directory", "last.ckpt")


def test_what_nobody_foresaw_passes_unchanged(cfg: DictConfig) -> None:
    with pytest.raises(RuntimeError, match="something else"), explain_failures(cfg, _trainer()):
        raise RuntimeError("something else")


def test_ctrl_c_and_early_signals_keep_their_status(cfg: DictConfig) -> None:
    with pytest.raises(KeyboardInterrupt), explain_failures(cfg, _trainer()):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(1) from None
    with pytest.raises(SystemExit) as leaving, explain_failures(cfg, _trainer(received_sigterm=True)):
        raise SystemExit
    assert leaving.value.code == 143


def test_a_failure_that_a_signal_brought_about_ends_as_the_signal_does(cfg: DictConfig) -> None:
    trainer, preemption = _trainer(), Preemption("go on")
    trainer.callbacks, preemption.cut_off = [preemption], 143
    with pytest.raises(SystemExit) as leaving, explain_failures(cfg, trainer):
        raise TorchDynamoException("C++ compile error")
    assert leaving.value.code == 143


def _trainer(received_sigterm: bool = False) -> Any:
    return SimpleNamespace(received_sigterm=received_sigterm, callbacks=[])
