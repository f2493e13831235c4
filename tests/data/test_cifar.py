from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from atelier.data.cifar import Cifar10


def test_files_of_torchvisions_layout_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = tmp_path / CIFAR10.base_folder
    batches.mkdir()
    rows = np.random.default_rng(0).integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)
    for name in ("data_batch_1", "test_batch"):
        (batches / name).write_bytes(pickle.dumps({"data": rows, "labels": [3, 1, 4, 1]}))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class {i}" for i in range(10)]}))
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", None]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", None]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": None})
    source = Cifar10(str(tmp_path), 32, 3)
    source.prepare()
    images = source.load("train")
    assert torch.equal(images.pixels, torch.from_numpy(rows).view(4, 3, 32, 32))
    assert images.labels.tolist() == [3, 1, 4, 1]
    assert images.classes[3] == "class 3"
