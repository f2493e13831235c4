"""Weights of the public CycleGAN implementation: its own numbers, every layout that it writes, and what is refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atelier.network.blueprint import Blueprint
from atelier.network.instance_norm import InstanceNorm
from atelier.network.patchgan import PatchGAN, PixelCritic
from atelier.network.reference import from_reference, infer, read_reference, to_reference
from atelier.network.resnet_generator import ResnetGenerator
from atelier.network.spectral import spectral
from atelier.network.unet import UNetGenerator
from atelier.types import Mistake

State = dict[str, Tensor]

# Four training steps of the public implementation at width 4, in float64 (numbers that float32 holds exactly are
# stored as such).
STEPS = Path(__file__).parents[1] / "assets" / "cyclegan_four_steps.npz"


@pytest.fixture(scope="module")
def numbers() -> State:
    with np.load(STEPS) as file:
        return {name: torch.from_numpy(file[name]).double() for name in file.files}


def weights(numbers: State, net: str) -> State:
    return {name.split("/")[2]: value for name, value in numbers.items() if name.startswith(f"init/{net}/")}


# --- the public implementation's own numbers


def test_its_images_come_out_of_its_weights(numbers: State) -> None:
    a_to_b, b_to_a = (from_reference(weights(numbers, net)) for net in ("G_A", "G_B"))
    with torch.no_grad():
        fake_b = a_to_b(numbers["step0/real_A"])
        made = {"fake_B": fake_b, "rec_A": b_to_a(fake_b), "fake_A": b_to_a(numbers["step0/real_B"])}
    for name, images in made.items():
        torch.testing.assert_close(images, numbers[f"step0/{name}"], rtol=1e-9, atol=1e-11)


def test_its_losses_come_out_of_its_critics(numbers: State) -> None:
    """Least squares on the first step's images: its D_A judges domain b, and is the one that sees fake_B."""
    judges_b = from_reference(weights(numbers, "D_A"))
    with torch.no_grad():
        real, fake = judges_b(numbers["step0/real_B"]), judges_b(numbers["step0/fake_B"])
    torch.testing.assert_close((fake - 1).square().mean(), numbers["step0/loss_G_A"], rtol=1e-9, atol=0)
    loss = ((real - 1).square().mean() + fake.square().mean()) / 2
    torch.testing.assert_close(loss, numbers["step0/loss_D_A"], rtol=1e-9, atol=0)


@pytest.mark.parametrize("net", ["G_A", "G_B", "D_A", "D_B"])
def test_its_weights_go_there_and_back(net: str, numbers: State) -> None:
    state = weights(numbers, net)
    same(to_reference(from_reference(state)), state)


def test_a_unet_is_its_recursion() -> None:
    """Its forward pass in plain functions, with the leaky ReLU that changes a bridge in place (to no effect)."""

    def weigh(layer: str) -> tuple[Tensor, Tensor]:
        return state[f"{layer}.weight"], state[f"{layer}.bias"]

    def block(name: str, x: Tensor) -> Tensor:
        F.leaky_relu_(x, 0.2)
        inside = F.conv2d(x, *weigh(f"{name}.1"), stride=2, padding=1)
        up = f"{name}.3"
        if f"{name}.5.weight" in state:
            inside, up = block(f"{name}.3.model", F.instance_norm(inside)), f"{name}.5"
        made = F.instance_norm(F.conv_transpose2d(F.relu(inside), *weigh(up), stride=2, padding=1))
        return torch.cat((x, made), 1)

    chance = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(tensor.shape, generator=chance, dtype=torch.float64)
        for name, tensor in unet("instance", 5).items()
    }
    images = torch.randn(2, 3, 64, 32, generator=chance, dtype=torch.float64)
    inside = block("model.model.1.model", F.conv2d(images, *weigh("model.model.0"), stride=2, padding=1))
    expected = F.conv_transpose2d(F.relu(inside), *weigh("model.model.3"), stride=2, padding=1).tanh()
    with torch.no_grad():
        torch.testing.assert_close(from_reference(state)(images), expected, rtol=1e-9, atol=1e-11)


# --- every layout that it writes, written down here independently of ours


def convolution(outputs: int, inputs: int, kernel: int, bias: bool) -> list[tuple[str, tuple[int, ...]]]:
    return [(".weight", (outputs, inputs, kernel, kernel)), *([(".bias", (outputs,))] if bias else [])]


def norm(kind: str, channels: int) -> list[tuple[str, tuple[int, ...]]]:
    if kind == "instance":
        return []
    return [(f".{n}", (channels,)) for n in ("weight", "bias", "running_mean", "running_var")] + [
        (".num_batches_tracked", ())
    ]


def resnet(kind: str, blocks: int, *, dropout: bool = False, c: int = 3, w: int = 2, out: int = 3) -> State:
    instance = kind == "instance"
    layout = {"model.1": convolution(w, c, 7, instance), "model.2": norm(kind, w)}
    layout |= {"model.4": convolution(2 * w, w, 3, instance), "model.5": norm(kind, 2 * w)}
    layout |= {"model.7": convolution(4 * w, 2 * w, 3, instance), "model.8": norm(kind, 4 * w)}
    for i in range(10, 10 + blocks):
        second = 6 if dropout else 5
        for place in (1, second):
            layout[f"model.{i}.conv_block.{place}"] = convolution(4 * w, 4 * w, 3, instance)
            layout[f"model.{i}.conv_block.{place + 1}"] = norm(kind, 4 * w)
    at = 10 + blocks
    layout |= {f"model.{at}": _transposed(4 * w, 2 * w, 3, instance), f"model.{at + 1}": norm(kind, 2 * w)}
    layout |= {f"model.{at + 3}": _transposed(2 * w, w, 3, instance), f"model.{at + 4}": norm(kind, w)}
    return filled(layout | {f"model.{at + 7}": convolution(out, w, 7, True)})


def unet(kind: str, downs: int, c: int = 3, w: int = 2, out: int = 3) -> State:
    instance = kind == "instance"
    widths = ([w, 2 * w, 4 * w] + [8 * w] * 8)[:downs]

    def block(level: int) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
        """What stands in the block whose halving makes ``widths[level]`` of the one before."""
        outer, inner = widths[level - 1], widths[level]
        layers = {"model.1": convolution(inner, outer, 4, instance)}
        if level == downs - 1:
            return layers | {"model.3": _transposed(inner, outer, 4, instance), "model.4": norm(kind, outer)}
        layers |= {"model.2": norm(kind, inner)} | {f"model.3.{n}": v for n, v in block(level + 1).items()}
        return layers | {"model.5": _transposed(2 * inner, outer, 4, instance), "model.6": norm(kind, outer)}

    layout = {"model.model.0": convolution(w, c, 4, instance)}
    layout |= {f"model.model.1.{n}": v for n, v in block(1).items()}
    return filled(layout | {"model.model.3": _transposed(2 * w, out, 4, True)})


def patchgan(kind: str, layers: int, c: int = 3, w: int = 2) -> State:
    widths = [w * min(2**level, 8) for level in range(layers + 1)]
    layout = {"model.0": convolution(w, c, 4, True)}
    for level, (inputs, outputs) in enumerate(pairwise(widths)):
        layout[f"model.{2 + 3 * level}"] = convolution(outputs, inputs, 4, kind == "instance")
        layout[f"model.{3 + 3 * level}"] = norm(kind, outputs)
    return filled(layout | {f"model.{2 + 3 * layers}": convolution(1, widths[-1], 4, True)})


def pixel(kind: str, c: int = 3, w: int = 2) -> State:
    instance = kind == "instance"
    layout = {"net.0": convolution(w, c, 1, True), "net.2": convolution(2 * w, w, 1, instance)}
    return filled(layout | {"net.3": norm(kind, 2 * w), "net.5": convolution(1, 2 * w, 1, instance)})


def _transposed(inputs: int, outputs: int, kernel: int, bias: bool) -> list[tuple[str, tuple[int, ...]]]:
    weight, *rest = convolution(outputs, inputs, kernel, bias)
    return [(weight[0], (inputs, outputs, kernel, kernel)), *rest]


def filled(layout: dict[str, list[tuple[str, tuple[int, ...]]]]) -> State:
    chance = torch.Generator().manual_seed(0)
    return OrderedDict(
        (f"{layer}{leaf}", torch.rand(shape, generator=chance) if shape else torch.tensor(7))
        for layer, leaves in layout.items()
        for leaf, shape in leaves
    )


def same(first: State, second: State) -> None:
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


SIZES = {"in_channels": 3, "out_channels": 3, "width": 2}
CASES: dict[str, tuple[Callable[[str], State], Blueprint]] = {
    "resnet_6": (lambda kind: resnet(kind, 6), Blueprint("resnet", SIZES | {"blocks": 6}, "instance")),
    "resnet_9": (lambda kind: resnet(kind, 9), Blueprint("resnet", SIZES | {"blocks": 9}, "instance")),
    "resnet_6_dropout": (
        lambda kind: resnet(kind, 6, dropout=True),
        Blueprint("resnet", SIZES | {"blocks": 6}, "instance", dropout=True),
    ),
    "resnet_colour": (
        lambda kind: resnet(kind, 6, c=1, w=3),
        Blueprint("resnet", {"in_channels": 1, "out_channels": 3, "width": 3, "blocks": 6}, "instance"),
    ),
    "unet_128": (lambda kind: unet(kind, 7), Blueprint("unet", SIZES | {"downs": 7}, "instance")),
    "unet_256": (lambda kind: unet(kind, 8), Blueprint("unet", SIZES | {"downs": 8}, "instance")),
    "unet_grey": (
        lambda kind: unet(kind, 5, out=1),
        Blueprint("unet", {"in_channels": 3, "out_channels": 1, "width": 2, "downs": 5}, "instance"),
    ),
    **{
        f"patchgan_{n}": (
            lambda kind, n=n: patchgan(kind, n),
            Blueprint("patchgan", {"channels": 3, "width": 2, "layers": n}, "instance"),
        )
        for n in range(1, 6)
    },
    "pixel": (pixel, Blueprint("pixel", {"channels": 3, "width": 2}, "instance")),
}


@pytest.mark.parametrize("kind", ["instance", "batch"])
@pytest.mark.parametrize("case", CASES)
def test_every_layout_is_recognised_and_goes_there_and_back(case: str, kind: str) -> None:
    make, blueprint = CASES[case]
    state = make(kind)
    found = infer(state)
    assert (found.architecture, found.sizes, found.dropout) == (
        *(blueprint.architecture, blueprint.sizes, blueprint.dropout),
    )
    assert found.norm == kind
    network = from_reference(state)
    assert all(p.requires_grad and not p.is_meta for p in network.parameters())
    same(to_reference(network, dropout=blueprint.dropout), state)


@pytest.mark.parametrize("case", ["resnet_6", "unet_128", "patchgan_3", "pixel"])
def test_old_names_and_statistics_make_no_difference(case: str) -> None:
    """DataParallel's prefix; statistics that instance norms kept before torch 0.4; BatchNorms without counters."""
    instance = CASES[case][0]("instance")
    kept = {name: t for name, t in CASES[case][0]("batch").items() if "running" in name or "tracked" in name}
    old = {f"module.{name}": tensor for name, tensor in (instance | kept).items()}
    assert len(kept) > 0
    same(to_reference(from_reference(old)), instance)
    batch = CASES[case][0]("batch")
    uncounted = {name: tensor for name, tensor in batch.items() if "tracked" not in name}
    counted = {name: torch.tensor(0) if "tracked" in name else tensor for name, tensor in batch.items()}
    same(to_reference(from_reference(uncounted)), counted)


def test_the_network_owns_its_weights_in_their_precision() -> None:
    state = {name: tensor.double() for name, tensor in patchgan("instance", 1).items()}
    network = from_reference(state)
    exported = to_reference(network)
    nn.init.zeros_(network.layers[0].weight)
    assert state["model.0.weight"].any() and exported["model.0.weight"].any()
    assert network.layers[0].weight.dtype == torch.float64


def test_exports_do_not_depend_on_the_memory_layout() -> None:
    network = from_reference(resnet("batch", 6)).to(memory_format=torch.channels_last)
    exported = to_reference(network)
    same(exported, resnet("batch", 6))
    assert all(tensor.is_contiguous() for tensor in exported.values())


# --- what is refused


@pytest.mark.parametrize("case", ["resnet_6", "unet_128", "patchgan_3", "pixel"])
@pytest.mark.parametrize("kind", ["instance", "batch"])
def test_whatever_is_missing_is_missed(case: str, kind: str) -> None:
    state = CASES[case][0](kind)
    for lost in state:
        if lost.endswith("num_batches_tracked"):
            continue
        rest = {name: tensor for name, tensor in state.items() if name != lost}
        with pytest.raises(Mistake):
            from_reference(rest)


def test_strange_weights_are_named() -> None:
    state = resnet("instance", 6)
    with pytest.raises(Mistake, match=r"model\.12\.conv_block\.5\.bias is missing"):
        infer({name: tensor for name, tensor in state.items() if name != "model.12.conv_block.5.bias"})
    with pytest.raises(Mistake, match=r"model\.7\.weight is \[8, 4, 5, 5\] and not \[8, 4, 3, 3\]"):
        infer(state | {"model.7.weight": torch.rand(8, 4, 5, 5)})
    with pytest.raises(Mistake, match=r"model\.40\.weight is too much"):
        infer(state | {"model.40.weight": torch.rand(8, 4, 5, 5)})
    with pytest.raises(Mistake, match=r"model\.7\.bias is \[8\] of whole numbers"):
        infer(state | {"model.7.bias": torch.zeros(8, dtype=torch.int64)})
    with pytest.raises(Mistake, match=r"model\.1\.weight is \[3\], and no convolution"):
        infer(state | {"model.1.weight": torch.rand(3)})
    with pytest.raises(Mistake, match=r"first keys: fc\.weight"):
        infer({"fc.weight": torch.rand(3, 3)})
    with pytest.raises(Mistake, match="first keys: none"):
        infer({})


def _generator(norm: Callable[[int], nn.Module] = InstanceNorm, upsample: str = "transposed") -> ResnetGenerator:
    return ResnetGenerator(in_channels=3, out_channels=3, width=2, blocks=1, norm=norm, upsample=upsample)


@pytest.mark.parametrize(
    "network",
    [
        _generator(upsample="resize"),
        _generator(norm=nn.Identity),
        UNetGenerator(in_channels=3, out_channels=3, width=2, downs=3, norm=nn.Identity),
        PatchGAN(channels=3, width=2, layers=2, norm=None),
        spectral(PixelCritic(channels=3, width=2, norm=InstanceNorm)),
        spectral(UNetGenerator(in_channels=3, out_channels=3, width=2, downs=3, norm=InstanceNorm)),
        nn.Linear(2, 2),
    ],
    ids=lambda network: type(network).__name__,
)
def test_networks_that_it_does_not_have_are_not_exported(network: nn.Module) -> None:
    with pytest.raises(Mistake, match="has no such"):
        to_reference(network)


# --- files


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_both_formats(zipped: bool, tmp_path: Path) -> None:
    state = patchgan("instance", 2)
    state._metadata = OrderedDict({"": {"version": 1}})  # as nn.Module.state_dict leaves it
    torch.save(state, tmp_path / "latest_net_D_A.pth", _use_new_zipfile_serialization=zipped)
    read = read_reference(tmp_path / "latest_net_D_A.pth")
    same(to_reference(from_reference(read)), state)


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("run by a file",))


def test_files_that_are_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, file = tmp_path / "whole.pth", tmp_path / "file.pth"
    torch.save(resnet("instance", 6), whole)
    content = bytearray(whole.read_bytes())
    flipped = content.copy()
    flipped[len(flipped) // 2] ^= 1
    for damaged in (b"", b"<html>", content[: len(content) // 2], flipped):
        file.write_bytes(damaged)
        with pytest.raises(Mistake, match=r"file\.pth: no file of weights, or damaged"):
            read_reference(file)
    for foreign in ([1, 2], {"state_dict": {"model.1.weight": torch.zeros(1)}}, {"a": 1}):
        torch.save(foreign, file)
        with pytest.raises(Mistake, match=r"file\.pth: no file of weights of the public"):
            read_reference(file)
    torch.save({"model.0.weight": torch.rand(2, 3, 4, 4)}, file)
    with pytest.raises(Mistake, match=r"file\.pth: "):
        read_reference(file)
    torch.save(_Trap(), file)
    with pytest.raises(Mistake, match="damaged"):
        read_reference(file)
    assert "run by a file" not in capsys.readouterr().out
    with pytest.raises(Mistake, match="cannot be read"):
        read_reference(tmp_path / "nowhere.pth")
