from __future__ import annotations

import torch

from atelier.task.canvas import to_picture, to_tensor


def test_pictures_and_tensors_agree() -> None:
    for shape in ((3, 5, 7), (1, 5, 7)):
        image = torch.arange(shape[0] * 35, dtype=torch.uint8).view(shape)
        assert torch.equal(to_tensor(to_picture(image)), image)
