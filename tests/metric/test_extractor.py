from __future__ import annotations

import torch
from torch import Tensor, nn

from atelier.metric.extractor import Extractor, extract
from atelier.types import Features


class Mean(Extractor):
    """Channel means through a layer that would show training mode, gradients and half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
        self.eval()

    def prepare(self) -> None: ...

    def look(self, images: Tensor) -> Features:
        features = self.read(images.float().mean(dim=(2, 3)))
        return Features(features, features[:, :2])


IMAGES = torch.randint(0, 256, (10, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_stays_frozen_inside_a_module_that_trains() -> None:
    extractor = Mean()
    nn.ModuleList([extractor]).train()
    assert not any(module.training for module in extractor.modules())
    assert torch.equal(extractor(IMAGES).features, extractor(IMAGES).features)
    assert not extractor(IMAGES).features.requires_grad


def test_leaves_autocast() -> None:
    extractor = Mean()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = extractor(IMAGES)
    assert inside.features.dtype == torch.float32
    assert torch.equal(inside.features, extractor(IMAGES).features)


def test_extract_joins_batches_in_order() -> None:
    extractor = Mean()
    whole, cut = extractor(IMAGES), extract(extractor, IMAGES.split(3), "cpu")
    torch.testing.assert_close(cut.features, whole.features)
    torch.testing.assert_close(cut.logits, whole.logits)
