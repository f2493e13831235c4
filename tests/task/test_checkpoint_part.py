"""One network out of a checkpoint of several."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from translating import checkpoint, generator

from atelier.checkpoint import load_part
from atelier.types import Mistake


def test_one_network_is_loaded_and_nothing_else_built(here: Path) -> None:
    network = generator(seed=5)
    part = load_part(checkpoint(here / "x.ckpt", a_to_b=network), "a_to_b")
    assert not part.network.training
    for name, value in network.state_dict().items():
        assert torch.equal(part.network.state_dict()[name], value)


def test_an_averaged_network_is_the_one_to_use(here: Path) -> None:
    now, average = generator(seed=5), generator(seed=6)
    file = checkpoint(here / "x.ckpt", a_to_b=now)
    content = torch.load(file, weights_only=True)
    content["state_dict"] |= {f"average.a_to_b.network.{key}": value for key, value in average.state_dict().items()}
    content["state_dict"]["average.a_to_b.updates"] = torch.tensor(1)
    torch.save(content, file)
    assert torch.equal(load_part(file, "a_to_b").network.layers[1].weight, average.layers[1].weight)


def test_a_network_that_may_not_be_built_is_refused(here: Path) -> None:
    with pytest.raises(Mistake, match="may not be a target"):
        load_part(checkpoint(here / "x.ckpt", a_to_b=generator()), "critic_a")
