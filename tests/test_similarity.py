from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.similarity import ssim, window


def test_against_the_formula_in_one_window() -> None:
    """An image of one window: Wang et al. 2004, eq. 13, with Gaussian weights of sigma 1.5."""
    first, second = torch.rand(2, 1, 1, 11, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    places = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-places.square() / (2 * 1.5**2))
    weights = torch.outer(line, line) / line.sum() ** 2
    mean = [(weights * image[0, 0]).sum() for image in (first, second)]
    variance = [(weights * image[0, 0].square()).sum() - m**2 for image, m in zip((first, second), mean, strict=True)]
    covariance = (weights * first[0, 0] * second[0, 0]).sum() - mean[0] * mean[1]
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mean[0] * mean[1] + c1) * (2 * covariance + c2)
    expected /= (mean[0] ** 2 + mean[1] ** 2 + c1) * (variance[0] + variance[1] + c2)
    assert ssim(first, second).item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("size", [5, 8, 11, 28])
def test_equal_images_are_alike_and_every_pair_counts_for_itself(size: int) -> None:
    images = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ssim(images, images), torch.ones(3))
    other = images.flip(-1)
    torch.testing.assert_close(ssim(images, other)[1:2], ssim(images[1:2], other[1:2]))
    assert window(size, size) == (11 if size >= 11 else 5)


def test_constant_images_are_alike() -> None:
    black = torch.zeros(1, 1, 16, 16)
    assert ssim(black, black).item() == pytest.approx(1.0)
    assert ssim(black, black + 1).item() < 0.01


def test_against_torchmetrics_which_mirrors_the_image_at_its_borders() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure as reference

    first, second = torch.rand(2, 4, 3, 40, 33, generator=torch.Generator().manual_seed(0))
    second = 0.7 * first + 0.3 * second
    expected = reference(second, first, data_range=1.0, sigma=1.5, reduction="none")
    mirrored = [nn.functional.pad(images, (5, 5, 5, 5), mode="reflect") for images in (first, second)]
    torch.testing.assert_close(ssim(*mirrored), expected, rtol=1e-4, atol=1e-5)
