from __future__ import annotations

import pytest
import torch

from atelier.metric.small_classifier import SmallClassifier, hollow, standardise
from atelier.types import Mistake

IMAGES = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_shapes_and_size() -> None:
    network = SmallClassifier(channels=3, classes=7).eval()
    features, logits = network(torch.zeros(2, 3, 32, 32))
    assert (features.shape, logits.shape) == ((2, 64), (2, 7))
    assert sum(parameter.numel() for parameter in network.parameters()) < 60_000


def test_weights_come_from_the_given_generator_alone() -> None:
    before = torch.get_rng_state()
    states = []
    for seed in (0, 0, 1):
        network = hollow(1, 10).to_empty(device="cpu")
        network.initialise(torch.Generator().manual_seed(seed))
        states.append(network.state_dict())
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["read_out.weight"], states[2]["read_out.weight"])


def test_grey_and_its_repetition_look_the_same() -> None:
    colour = IMAGES.expand(-1, 3, -1, -1)
    torch.testing.assert_close(standardise(colour, 1, 32), standardise(IMAGES, 1, 32))
    torch.testing.assert_close(standardise(IMAGES, 3, 32), standardise(colour, 3, 32))


def test_range_and_resizing() -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(-1, -1, 64, 64)
    seen = standardise(ends, 1, 28)
    assert seen.shape == (2, 1, 28, 28)
    torch.testing.assert_close(seen, torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand_as(seen))


def test_other_channels_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="made for 1 channels and the images have 2"):
        standardise(torch.zeros(1, 2, 8, 8, dtype=torch.uint8), 1, 8)
