"""Inception-v3 as the FID knows it: torch-fidelity's network with the weights of 2015."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from atelier.cachedir import cache_dir
from atelier.expanded import expanded
from atelier.metric.extractor import Extractor
from atelier.metric.files import read_plain
from atelier.patience import patient
from atelier.types import Features, Mistake

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
# torch.hub's custom: a file's name ends with the first 8 digits of its SHA-256.
STANDARD = "6726825d"


class Inception(Extractor):
    """2048 pooled features and 1008 logits without bias, at 299 pixels by TensorFlow 1's bilinear resizing.

    Szegedy et al. (2016) for the network, Heusel et al. (2017) for its use. Grey images are repeated to three
    channels.

    weights: the file, if it is not to be downloaded (95 MB, once). With any other weights than the standard
        ones the
        figures are not the FID, and their names bear the hash.
    """

    def __init__(self, weights: str | None) -> None:
        super().__init__()
        self._file = None if weights is None else expanded(weights)
        if self._file is not None and not self._file.is_file():
            raise Mistake(f"extractor.weights={weights}: no such file; leave it out to download {URL}")
        self.identity = STANDARD if self._file is None else _hash(self._file)
        self.name = "inception" if self.identity == STANDARD else f"inception_{self.identity}"
        self.num_features, self.classes = 2048, 1008
        self.resize = "bilinear of TensorFlow 1 to 299, colour"
        self.network: nn.Module | None = None

    def prepare(self) -> None:
        """Load the weights, downloading them into the cache the first time."""
        if self.network is None:
            self.network = _build(_standard_file() if self._file is None else self._file)
            self.requires_grad_(False).eval()

    def look(self, images: Tensor) -> Features:
        """Features of uint8 images of any size."""
        assert self.network is not None, "prepare() comes first"
        if images.shape[1] not in (1, 3):
            raise Mistake(f"extractor=inception looks at grey or colour images, not at {images.shape[1]} channels")
        features, logits = self.network(images.expand(-1, 3, -1, -1))
        return Features(features, logits)


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[: len(STANDARD)]


def _standard_file() -> Path:
    """The standard weights: where torch-fidelity and torchmetrics keep them, in our cache, or downloaded."""
    name = URL.rpartition("/")[2]
    ours = cache_dir("weights") / name
    for file in (Path(torch.hub.get_dir()) / "checkpoints" / name, ours):
        if file.is_file() and _hash(file) == STANDARD:
            return file
    try:
        ours.parent.mkdir(parents=True, exist_ok=True)
        # Writes beside the target, checks the hash, then renames.
        with patient():
            torch.hub.download_url_to_file(URL, str(ours), hash_prefix=STANDARD, progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise Mistake(
            f"extractor=inception needs its weights, and they cannot be downloaded ({error}). Fetch {URL} "
            "elsewhere and give extractor.weights=<file>, choose an extractor that is shipped (extractor=digits, "
            "extractor=mnist), make one of your own data (python src/extractor.py), or go without such scores "
            "(extractor=none for translators whose data knows the truth; callback.scoreboard=null in training)"
        ) from error
    return ours


def _build(file: Path) -> nn.Module:
    # Heavy, and wanted by this extractor alone.
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:
        # torch-fidelity unpickles whatever the file holds; what passes here is nothing but tensors.
        read_plain(file)
        # Its layers are first filled from the global generator, whose numbers belong to the run.
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = FeatureExtractorInceptionV3(
                "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(file)
            )
    except (ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise Mistake(
            f"extractor.weights={file}: not the weights of torch-fidelity's Inception-v3; see {URL}"
        ) from error
    return network
