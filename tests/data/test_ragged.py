from __future__ import annotations

import torch

from atelier.data.ragged import Ragged, gather


def test_images_of_all_sizes_lie_end_to_end() -> None:
    images = [torch.randint(0, 256, shape, dtype=torch.uint8) for shape in ((3, 2, 5), (3, 4, 1), (3, 2, 5))]
    made = Ragged(torch.cat([image.flatten() for image in images]), torch.tensor([image.shape for image in images]))
    assert len(made) == 3
    for index, image in enumerate(images):
        assert torch.equal(made[index], image)
    assert torch.equal(gather(made, torch.tensor([2, 0])), torch.stack([images[2], images[0]]))
    same = torch.stack([images[0], images[2]])
    assert torch.equal(gather(same, torch.tensor([1, 0])), gather(made, torch.tensor([2, 0])))
