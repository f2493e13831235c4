from __future__ import annotations

import hashlib
import io
from email.message import Message
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from atelier.metric.inception import Inception
from atelier.types import Mistake


@pytest.fixture(autouse=True)
def _own_places(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(scope="module")
def any_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the right names and shapes, filled with chance."""
    empty = tmp_path_factory.mktemp("inception") / "empty.pth"
    torch.save({}, empty)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("any", ["2048"], feature_extractor_weights_path=str(empty))
    file = empty.with_name("any.pth")
    torch.save(network.state_dict(), file)
    return file


def offline(*_: object, **__: object) -> None:
    raise URLError("no network")


def wrong_file(*_: object, **__: object) -> io.BytesIO:
    class Response(io.BytesIO):
        def info(self) -> Message:
            return Message()

    return Response(b"something else")


@pytest.mark.parametrize(("answer", "words"), [(offline, "no network"), (wrong_file, "invalid hash value")])
def test_a_failed_download_says_what_to_do_and_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, answer: object, words: str
) -> None:
    monkeypatch.setattr(torch.hub, "urlopen", answer)
    extractor = Inception(weights=None)
    assert extractor.name == "inception"
    with pytest.raises(Mistake, match=f"{words}.*extractor.weights=<file>.*extractor=digits"):
        extractor.prepare()
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_other_weights_are_loaded_and_named_as_such(any_weights: Path) -> None:
    before = torch.get_rng_state()
    extractor = Inception(weights=str(any_weights))
    extractor.prepare()
    assert torch.equal(before, torch.get_rng_state())
    assert extractor.name == f"inception_{hashlib.sha256(any_weights.read_bytes()).hexdigest()[:8]}"
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    grey = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen, repeated = extractor(grey), extractor(grey.repeat(1, 3, 1, 1))
    assert (seen.features.shape, seen.logits.shape) == ((2, 2048), (2, 1008))
    assert torch.equal(seen.features, repeated.features)
    assert torch.isfinite(seen.features).all()
    with pytest.raises(Mistake, match="not at 2 channels"):
        extractor(grey.repeat(1, 2, 1, 1))


@pytest.mark.parametrize("content", [{}, {"fc.weight": torch.zeros(2)}])
def test_foreign_weights_are_a_mistake(tmp_path: Path, content: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "foreign.pth"
    torch.save(content, file)
    with pytest.raises(Mistake, match="not the weights"):
        Inception(weights=str(file)).prepare()


def test_a_missing_file_is_a_mistake_at_once() -> None:
    with pytest.raises(Mistake, match=r"extractor.weights=none.pth: no such file"):
        Inception(weights="none.pth")
