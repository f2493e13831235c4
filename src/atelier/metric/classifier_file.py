"""A classifier's weights with what must be known to use them, and their file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from torch import Tensor

from atelier.metric.files import read_plain, write_atomically
from atelier.types import Mistake

_FORMAT = 1


@dataclass(frozen=True)
class ClassifierWeights:
    """Weights of a :class:`~atelier.metric.small_classifier.SmallClassifier`.

    state: its ``state_dict``, on the CPU.
    data: name of the data set that it was fitted to.
    classes, channels, num_features: its shape.
    size: side in pixels of the images that it sees.
    accuracy: share of held-out images classified rightly.
    """

    state: dict[str, Tensor]
    data: str
    classes: int
    channels: int
    num_features: int
    size: int
    accuracy: float

    def digest(self) -> str:
        """SHA-256 over names, shapes and bytes of the state: it names the metric, not the file."""
        hashed = hashlib.sha256()
        for name, tensor in sorted(self.state.items()):
            hashed.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            hashed.update(tensor.contiguous().numpy().tobytes())
        return hashed.hexdigest()


def save(weights: ClassifierWeights, path: Path) -> None:
    """Write plain tensors and plain values; the file appears whole or not at all."""
    content = {field.name: getattr(weights, field.name) for field in fields(weights)}
    write_atomically(path, {"format": _FORMAT, "hash": weights.digest(), **content})


def load(path: Path) -> ClassifierWeights:
    """Read what :func:`save` wrote, running nothing in it; raises Mistake for a foreign or damaged file."""
    foreign = Mistake(f"extractor.weights={path}: no classifier's weights; `python src/extractor.py` makes such a file")
    try:
        content = read_plain(path)
    except ValueError as error:
        raise foreign from error
    except OSError as error:
        raise Mistake(f"extractor.weights={path}: cannot be read ({error.strerror})") from error
    names = {field.name for field in fields(ClassifierWeights)}
    if not isinstance(content, dict) or not names | {"format", "hash"} <= content.keys():
        raise foreign
    if content["format"] != _FORMAT:
        raise Mistake(f"extractor.weights={path}: format {content['format']}, and this atelier reads {_FORMAT}")
    weights = ClassifierWeights(**{name: content[name] for name in names})
    if weights.digest() != content["hash"]:
        raise Mistake(f"extractor.weights={path}: damaged, its contents do not have the hash that it states")
    return weights
