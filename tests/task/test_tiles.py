from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atelier.network.sides import Sides
from atelier.pixels import to_bytes, to_unit
from atelier.task.tiles import Tiling, cut, translate_image


def convolutions(*, halve: bool = False) -> nn.Module:
    """Images to images, seeing 5 pixels (8 with a halving and a doubling) around each."""
    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 7, padding=3, padding_mode="reflect")]
    if halve:
        layers += [nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1)]
    layers += [nn.Tanh(), nn.Conv2d(4, 3, 5, padding=2, padding_mode="reflect"), nn.Tanh()]
    network = nn.Sequential(*layers)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return network


class Same(nn.Module):
    """Gives back what it gets, and remembers the sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(tuple(images.shape))
        return images * self.scale


def image(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return torch.randint(0, 256, (channels, height, width), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("size", "side", "overlap", "multiple"),
    [
        (1000, 256, 64, 4),
        (37, 16, 8, 4),
        (1030, 256, 0, 1),
        (257, 256, 255, 1),
        (5000, 64, 40, 8),
        (268, 256, 64, 4),
        (5000, 64, 40, 256),
    ],
)
def test_shares_of_tiles_sum_to_one(size: int, side: int, overlap: int, multiple: int) -> None:
    axis = cut(size, Sides("any", multiple, multiple), Tiling(side, overlap))
    total = torch.zeros(axis.starts[-1] + axis.side)
    for start, shares in zip(axis.starts, axis.weights, strict=True):
        total[start : start + axis.side] += shares
    torch.testing.assert_close(total, torch.ones_like(total))
    assert axis.weights.min() >= 0
    assert size <= len(total) < size + multiple
    assert all(start % multiple == 0 for start in axis.starts)
    assert all(right - left <= axis.side - overlap for left, right in zip(axis.starts, axis.starts[1:], strict=False))


def test_the_outer_quarter_of_an_overlap_is_not_used() -> None:
    axis = cut(96, Sides("any", 4, 4), Tiling(64, 32))
    assert axis.starts == [0, 32]
    assert axis.weights[1, :8].max() == 0 and axis.weights[1, 8] > 0
    assert axis.weights[0, -8:].max() == 0 and axis.weights[0, -9] > 0


@pytest.mark.parametrize("halve", [False, True])
@pytest.mark.parametrize(("height", "width"), [(100, 150), (61, 33), (40, 200)])
def test_tiles_are_the_whole_where_a_network_sees_less_than_half_the_overlap(
    halve: bool, height: int, width: int
) -> None:
    network, given = convolutions(halve=halve), image(height, width)
    sides = Sides("convolutions", 2, 8)
    whole = translate_image(network, given, sides, Tiling(None, 0))
    tiled = translate_image(network, given, sides, Tiling(48, 36))
    assert tiled.shape == given.shape and tiled.dtype == torch.uint8
    # The last rounding may fall differently by float32's noise.
    assert (tiled.int() - whole.int()).abs().max() <= 1
    short = translate_image(network, given, sides, Tiling(24, 4))
    assert (short.int() - whole.int()).abs().max() > 1, "without enough overlap the seams are there"


def test_the_interior_of_a_tile_is_the_whole_whatever_the_overlap() -> None:
    network, given = convolutions(), image(64, 64)
    sides = Sides("convolutions", 1, 8)
    whole = translate_image(network, given, sides, Tiling(None, 0))
    tiled = translate_image(network, given, sides, Tiling(32, 0))
    inner = [slice(5, 27), slice(37, 59)]
    for rows in inner:
        for columns in inner:
            assert (tiled[:, rows, columns].int() - whole[:, rows, columns].int()).abs().max() <= 1


@pytest.mark.parametrize("tiling", [Tiling(None, 0), Tiling(16, 4), Tiling(16, 12)])
@pytest.mark.parametrize("shape", [(37, 53), (1, 1), (1, 300), (5, 2), (16, 17), (64, 64)])
def test_any_size_comes_back_pixel_by_pixel(shape: tuple[int, int], tiling: Tiling) -> None:
    network, given = Same(), image(*shape)
    assert torch.equal(translate_image(network, given, Sides("same", 4, 8), tiling), given)
    for seen in network.seen:
        assert all(side % 4 == 0 and side >= 8 for side in seen[2:])
        if tiling.side is not None:
            assert max(seen[2:]) <= 16


def test_padding_mirrors_the_image_at_its_edges() -> None:
    given = torch.arange(6, dtype=torch.uint8).view(1, 1, 6)

    class Look(Same):
        def forward(self, images: Tensor) -> Tensor:
            self.row = to_bytes(images)[0, 0, 0]
            return super().forward(images)

    network = Look()
    translate_image(network, given, Sides("look", 8, 8), Tiling(None, 0))
    assert network.row.tolist() == [0, 1, 2, 3, 4, 5, 4, 3]


def test_an_image_of_the_right_size_is_what_the_network_makes_of_it() -> None:
    network, given = convolutions(halve=True), image(24, 32)
    with torch.no_grad():
        made = to_bytes(network(to_unit(given[None])))[0]
    assert torch.equal(translate_image(network, given, Sides("convolutions", 2, 8), Tiling(64, 8)), made)


def test_channels_may_change() -> None:
    network = nn.Conv2d(1, 3, 1)
    made = translate_image(network, image(9, 30, channels=1), Sides("colours", 4, 4), Tiling(16, 4))
    assert made.shape == (3, 9, 30)
