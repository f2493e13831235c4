from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from atelier.metric.classifier_file import ClassifierWeights, load, save
from atelier.types import Mistake

WEIGHTS = ClassifierWeights(
    state={"a": torch.arange(3.0), "b": torch.tensor(2)},
    data="faces",
    classes=2,
    channels=3,
    num_features=64,
    size=16,
    accuracy=0.75,
)


class Danger:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("danger"),))


def test_survives_its_file(tmp_path: Path) -> None:
    save(WEIGHTS, tmp_path / "new" / "faces.pt")
    found = load(tmp_path / "new" / "faces.pt")
    assert found.digest() == WEIGHTS.digest()
    assert (found.data, found.classes, found.channels, found.size, found.accuracy) == (
        "faces",
        2,
        3,
        16,
        0.75,
    )
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["faces.pt"]


def test_digest_depends_on_weights_alone() -> None:
    renamed = ClassifierWeights(**{**vars(WEIGHTS), "data": "cats", "accuracy": 0.5})
    changed = ClassifierWeights(**{**vars(WEIGHTS), "state": {**WEIGHTS.state, "a": torch.zeros(3)}})
    assert renamed.digest() == WEIGHTS.digest() != changed.digest()


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x02]q\x00."])
def test_foreign_bytes_are_a_mistake(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "foreign.pt"
    file.write_bytes(content)
    with pytest.raises(Mistake, match="no classifier's weights"):
        load(file)


def test_foreign_tensors_are_a_mistake(tmp_path: Path) -> None:
    torch.save({"state": {}}, tmp_path / "foreign.pt")
    with pytest.raises(Mistake, match="no classifier's weights"):
        load(tmp_path / "foreign.pt")


def test_nothing_in_the_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.pt").write_bytes(pickle.dumps(Danger(), protocol=2))
    with pytest.raises(Mistake, match="no classifier's weights"):
        load(Path("evil.pt"))
    assert not Path("danger").exists()


@pytest.mark.parametrize(("key", "value", "words"), [("hash", "0", "damaged"), ("format", 99, "format 99")])
def test_damage_and_other_formats_are_mistakes(tmp_path: Path, key: str, value: object, words: str) -> None:
    file = tmp_path / "faces.pt"
    save(WEIGHTS, file)
    torch.save({**torch.load(file, weights_only=True), key: value}, file)
    with pytest.raises(Mistake, match=words):
        load(file)


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="cannot be read"):
        load(tmp_path / "none.pt")
