from __future__ import annotations

import torch

from atelier.augment.none import NoAugment
from atelier.moment import Moment


def test_hands_back_the_images():
    images = torch.rand(2, 3, 4, 4)
    assert NoAugment()(images, Moment(0, 0)) is images
