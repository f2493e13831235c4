"""Weights to begin with, and weights for others."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import nn

from atelier.config.build import build
from atelier.game.average import Average
from atelier.network.reference import to_reference
from atelier.task.exporting.program import Bundle
from atelier.task.exporting.to_reference import Reference
from atelier.task.init_from import PUBLIC, check_compatible, check_source, load_initial_weights
from atelier.types import Mistake

SMALL = ("model=cyclegan", "data=stripes", "generator.width=4", "generator.blocks=1", "discriminator.width=4")


@pytest.fixture
def model(composed: Callable[..., DictConfig]) -> Callable[..., nn.Module]:
    def made(*words: str) -> nn.Module:
        return build(composed(*SMALL, *words).model)

    return made


def write_public(model: nn.Module, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [written.file for written in Reference().write(Bundle(model, [], [], {}), folder)]


def _equal(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_folder_of_public_files_goes_there_and_back(model: Callable[..., nn.Module], tmp_path: Path) -> None:
    first, second = model(), model()
    assert not _equal(first, second)
    written = write_public(first, tmp_path)
    assert sorted(file.name for file in written) == [f"latest_net_{name}.pth" for name in ("D_A", "D_B", "G_A", "G_B")]
    check_compatible(str(tmp_path), model())
    load_initial_weights(str(tmp_path), second)
    assert _equal(first, second)


def test_their_letters_are_our_directions_and_domains(model: Callable[..., nn.Module], tmp_path: Path) -> None:
    """In the public implementation netG_A makes images of domain B, and netD_A judges them."""
    made = model()
    write_public(made, tmp_path)
    for theirs, ours in PUBLIC.items():
        state = torch.load(tmp_path / f"latest_{theirs}.pth", weights_only=True)
        expected = to_reference(made.get_submodule(ours))
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in state)
    assert PUBLIC["net_D_A"] == "critic_b.network"


def test_a_single_file_is_one_network(model: Callable[..., nn.Module], tmp_path: Path) -> None:
    first, second, third = model(), model(), model()
    write_public(first, tmp_path)
    (tmp_path / "latest_net_G_A.pth").rename(tmp_path / "horse2zebra.pth")
    load_initial_weights(str(tmp_path / "horse2zebra.pth"), second)
    assert _equal(first.a_to_b, second.a_to_b)
    assert not _equal(first.b_to_a, second.b_to_a)
    load_initial_weights(str(tmp_path / "latest_net_D_B.pth"), third)
    assert _equal(first.critic_a, third.critic_a)
    assert not _equal(first.critic_b, third.critic_b)


def test_the_averaged_generators_are_the_ones_for_others(model: Callable[..., nn.Module], tmp_path: Path) -> None:
    made = model("model.ema={_target_:atelier.game.average.Average,_partial_:true,decay:0.5,warm_up:1}")
    average = made.average["a_to_b"]
    assert isinstance(average, Average)
    with torch.no_grad():
        next(made.a_to_b.parameters()).add_(1.0)
    write_public(made, tmp_path)
    state = torch.load(tmp_path / "latest_net_G_A.pth", weights_only=True)
    assert torch.equal(state["model.1.weight"], to_reference(average.network)["model.1.weight"])


def test_other_networks_are_refused_by_name(
    model: Callable[..., nn.Module], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    write_public(model(), tmp_path)
    with pytest.raises(Mistake, match=rf"init_from={tmp_path}.*other networks"):
        check_compatible(str(tmp_path), model("generator.width=8"))
    gan = build(composed("model=dcgan").model)
    with pytest.raises(Mistake, match="this model has no critic_b"):
        check_compatible(str(tmp_path), gan)
    with pytest.raises(Mistake, match="GAN has no a_to_b"):
        Reference().check(Bundle(gan, [], [], {}))
    with pytest.raises(Mistake, match=r"^/.*nowhere\.pth"):
        check_source(str(tmp_path / "nowhere.pth"))
    with pytest.raises(Mistake, match="resize-convolutions"):
        Reference().check(Bundle(model("generator.upsample=resize"), [], [], {}))
