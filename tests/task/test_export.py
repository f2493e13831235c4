"""Exported networks: opened by the lines of their own model cards, and equal to the model's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

import atelier
from atelier import load
from atelier.cli import run
from atelier.config.build import build
from atelier.task.export import export
from atelier.task.exporting import formats
from atelier.task.exporting.agreement import TOLERANCE
from atelier.task.exporting.card import card
from atelier.task.exporting.families import networks, programs
from atelier.task.exporting.former import former
from atelier.task.exporting.program import BATCHES, Bundle, Differs, difference
from atelier.task.exporting.written import Written
from atelier.types import Mistake

Compose = Callable[..., DictConfig]

GAN = ("model=dcgan", "data=digits", "model.generator.width=8", "model.critic.network.width=8")
TRANSLATOR = ("model=cyclegan", "data=stripes", "data.image_size=32", "discriminator.width=4", "discriminator.layers=2")
GREY_TO_COLOUR = ("data.load_size=32", "data.channels_a=1", "model.identity=0")
CODER = ("data=digits", "network.units=6")
FAMILIES: dict[str, tuple[str, ...]] = {
    "gan": ("model=gan", "data=digits", "latent=normal"),
    "points": ("model=gan", "data=ring"),
    "dcgan": GAN,
    "dcgan 28": (*GAN, "data.image_size=28", "model.ema=null"),
    "dcgan by class": (*GAN, "condition=label"),
    "gan by class": ("model=gan", "data=digits", "condition=label"),
    "sngan": ("model=sngan", *GAN[1:]),
    "resnet": (*TRANSLATOR, "generator=resnet_9blocks", "generator.width=32"),
    "resnet of wide blocks": (*TRANSLATOR, "generator=resnet_6blocks", "generator.width=48", "generator.blocks=1"),
    "resnet resize": (*TRANSLATOR, "generator.width=8", "generator.blocks=2", "generator.upsample=resize"),
    "resnet grey to colour": (*TRANSLATOR, "data=unpaired_folder", "generator.width=8", *GREY_TO_COLOUR),
    "unet": (*TRANSLATOR, "generator=unet_128", "generator.downs=4", "generator.width=16"),
    "unet at its smallest": (*TRANSLATOR, "generator=unet_128", "generator.downs=5", "generator.width=16"),
    "autoencoder": ("model=autoencoder", *CODER),
    "tied": ("model=autoencoder", *CODER, "network.tied=true"),
    "convolutions": ("model=autoencoder", "network=conv", *CODER, "output=linear"),
    "sparse": ("model=sparse_autoencoder", *CODER),
    "topk": ("model=autoencoder", *CODER, "code=topk", "code.k=2"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lively(model: nn.Module) -> nn.Module:
    """Weights under which signals keep their size: at DCGAN's N(0, 0.02) all differences would be tiny."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            fan = parameter[0].numel()
            parameter.data = torch.randn(parameter.shape, generator=generator) * (2 / fan) ** 0.5
    return model.eval()


def bundle(cfg: DictConfig) -> Bundle:
    model = lively(build(cfg.model))
    facts = {"value_range": [-1, 1], "atelier": "0", "source_run": "a test"}
    return Bundle(model, programs(model, cfg), networks(model, cfg), facts)


def snippets(folder: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)


def front(folder: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.create((folder / "README.md").read_text().split("---\n")[1]))


def metadata(file: Path) -> dict[str, Any]:
    import onnx

    return json.loads({entry.key: entry.value for entry in onnx.load(file).metadata_props}["atelier"])


# --- a trained run, from the command line -----------------------------------------------------------------------------


def test_safetensors_load_with_ten_lines_and_no_hydra(
    trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = trained / "checkpoints" / "last.ckpt"
    words = [f"ckpt={last}", "format=safetensors", "output=made", "licence=mit"]
    assert run("export", words) == 0
    assert {"README.md", "generator.json", "generator.safetensors", "samples.png"} <= {
        file.name for file in (here / "made").iterdir()
    }
    monkeypatch.chdir("made")
    (lines,) = snippets(Path())
    assert sum(bool(line.strip()) for line in lines.splitlines()) <= 10 and "hydra" not in lines
    space: dict[str, Any] = {}
    exec(lines, space)
    model: Any = load(last)
    z = torch.rand(3, model.latent.dim)
    assert torch.equal(space["network"](z), model.average.network(z))
    facts = json.loads(Path("generator.json").read_text())
    assert facts["data_licence"] == "CC BY 4.0" and facts["images_seen"] == 720 and facts["averaged_weights"]
    results = json.loads((trained / "results.json").read_text())["scores"]
    assert {name: (score["value"], score["protocol"]) for name, score in facts["scores"].items()} == {
        name: (score["last"], score["protocol"]) for name, score in results.items()
    }
    told = front(Path())
    assert told["license"] == "mit" and told["pipeline_tag"] == "unconditional-image-generation"
    assert told["datasets"] == ["digits"] and "fd_digits" in told["metrics"]
    assert "python src/train.py model=dcgan data=digits" in Path("README.md").read_text()


def test_a_card_tells_of_what_was_exported_into_its_folder_before(trained: Path, here: Path) -> None:
    for form in ("torch_export", "safetensors", "safetensors"):
        assert run("export", [f"ckpt={trained}", f"format={form}", "output=made"]) == 0
    card = (here / "made" / "README.md").read_text(encoding="utf-8")
    assert card.count("| `generator.pt2` |") == card.count("| `generator.safetensors` |") == 1
    assert len(snippets(here / "made")) == 2
    (here / "made" / "generator.pt2").unlink()
    shutil.copytree(here / "made", here / "other")
    assert run("export", [f"ckpt={trained}", "format=safetensors", "output=made"]) == 0
    assert "generator.pt2" not in (here / "made" / "README.md").read_text(encoding="utf-8")
    last = trained / "checkpoints" / "last.ckpt"  # other weights, by their name
    assert run("export", [f"ckpt={last}", "format=torch_export", "output=other"]) == 0
    assert "safetensors" not in (here / "other" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "<!-- exported: [1 -->", "<!-- exported: [null, 3] -->", '<!-- exported: {"a": 1} -->']
)
def test_another_card_has_nothing_to_tell(text: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert former(tmp_path, {}) == []


_ALONE = """
import sys

class Closed:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"hydra", "omegaconf", "pytorch_lightning", "torchmetrics", "wandb"}:
            raise ImportError(f"{name} is not wanted here")

sys.meta_path.insert(0, Closed())
"""
_COMPARED = """
import torch

wanted, found = torch.load("wanted.pt"), network.state_dict()
assert wanted.keys() == found.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", ["dcgan", "resnet", "sparse"])
def test_ten_lines_load_a_network_where_neither_hydra_nor_lightning_is(
    family: str, composed: Compose, here: Path
) -> None:
    made = bundle(composed(*FAMILIES[family]))
    export(made, formats.FORMATS["safetensors"], here)
    lines = snippets(here)[0]
    assert sum(bool(line.strip()) for line in lines.splitlines()) <= 10
    torch.save(made.networks[0].module.state_dict(), here / "wanted.pt")
    script = f"{_ALONE}{lines}\n{_COMPARED}"
    words = {**os.environ, "PYTHONPATH": str(Path(atelier.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_onnx_holds_its_weights_and_what_is_known(trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("export", [f"ckpt={trained}", "format=onnx", "output=made"]) == 0
    assert sorted(file.name for file in (here / "made").iterdir() if file.suffix != ".log") == [
        "README.md",
        "generator.onnx",
        "samples.png",
    ]
    monkeypatch.chdir("made")
    facts = metadata(Path("generator.onnx"))
    assert facts["value_range"] == [-1, 1] and facts["inputs"]["z"]["shape"] == ["batch", 100]
    assert facts["scores"]["val/fd_digits"]["protocol"]["real"] == 355
    assert "license" not in front(Path())
    space: dict[str, Any] = {}
    exec(snippets(Path())[0], space)
    model: Any = load(trained)
    assert difference(torch.from_numpy(space["images"]), model.average.network(torch.from_numpy(space["z"]))) < 1e-5


def test_what_cannot_be_exported_is_named(
    trained: Path, here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, fragment in (
        (["format=onx"], "format=onx: there is no such format; did you mean onnx?"),
        (["format=reference"], "GAN has no a_to_b"),
        (["direction=a_to_b"], f"atelier: direction=a_to_b: ckpt={trained} holds a GAN, and only a CycleGAN has"),
        (["direction=atob"], "atelier: direction=atob: the directions are a_to_b and b_to_a"),
        (["licence=3"], "licence=3: a word"),
        (["output="], "output=: no folder is named"),
        (["ckpt=nowhere"], "ckpt=nowhere"),
    ):
        assert run("export", [f"ckpt={trained}", *words]) == 2
        assert fragment in capfd.readouterr().err
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    assert run("export", [f"ckpt={trained}", "format=onnx"]) == 2
    said = capfd.readouterr().err
    assert "uv sync --extra export" in said and len(said.splitlines()) == 1
    assert list(here.iterdir()) == []


# --- whole or not at all ----------------------------------------------------------------------------------------------


class Broken:
    """A format that notices on reading back that it has written nonsense."""

    needs = ()
    library = "none"

    def check(self, bundle: Bundle) -> None: ...

    def write(self, bundle: Bundle, folder: Path) -> Iterator[Written]:
        (folder / "generator.bin").write_text("nonsense")
        raise Differs("differs")
        yield


def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "generator.bin").write_text("good")
    with pytest.raises(Differs):
        export(Bundle(nn.Identity(), [], [], {}), Broken(), folder)
    assert [file.name for file in folder.iterdir()] == ["generator.bin"]
    assert (folder / "generator.bin").read_text() == "good"
    with pytest.raises(Mistake, match=r"output=.*generator\.bin"):
        export(Bundle(nn.Identity(), [], [], {}), Broken(), folder / "generator.bin")


def test_differences_are_found() -> None:
    ones = torch.ones(2, 3)
    assert difference(ones, ones) == 0 and difference(ones, ones + 0.5) == 0.5
    assert difference(ones, ones[:1]) == difference(ones, ones * torch.nan) == float("inf")


def test_a_card_invents_nothing() -> None:
    text = card("GAN", "onnx", {"atelier": "0", "source_run": "x.ckpt"}, [], None)
    for word in ("license", "datasets", "metrics", "model-index", "Scores", "src/train.py", "None", "Undefined", "!["):
        assert word not in text


def test_a_trial_covers_three_sizes_and_two_batches(composed: Compose) -> None:
    cfg = composed(*FAMILIES["unet"])
    (program, _) = programs(build(cfg.model).eval(), cfg)
    shapes = [tuple(image.shape) for (image,) in program.trials()]
    assert len({shape[2:] for shape in shapes}) == 3 and {shape[0] for shape in shapes} == set(BATCHES)
    assert all(side % 16 == 0 for shape in shapes for side in shape[2:])


# --- every family in every form ---------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("family", FAMILIES)
def test_safetensors_of_every_family(family: str, composed: Compose, here: Path) -> None:
    made = bundle(composed(*FAMILIES[family]))
    export(made, formats.FORMATS["safetensors"], here)
    for network, lines in zip(made.networks, snippets(here), strict=True):
        space: dict[str, Any] = {}
        exec(lines, space)
        assert type(space["network"]) is type(network.module)
        wanted: dict[str, Tensor] = network.module.state_dict()
        assert all(torch.equal(tensor, wanted[name]) for name, tensor in space["network"].state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("into", ["onnx", "torch_export"])
@pytest.mark.parametrize("family", FAMILIES)
def test_programs_of_every_family(
    family: str, into: str, composed: Compose, here: Path, record_property: Callable[[str, object], None]
) -> None:
    made = bundle(composed(*FAMILIES[family]))
    written = export(made, formats.FORMATS[into], here)
    assert [one.file.stem for one in written] == [program.name for program in made.programs]
    apart = max(one.apart for one in written)
    record_property("apart", apart)
    print(f"{family} {into}: {apart:.1e}")  # noqa: T201  # the figure that the issue asks for (pytest -s shows it)
    assert apart <= TOLERANCE
    for program, lines in zip(made.programs, snippets(here), strict=True):
        space: dict[str, Any] = {}
        exec(lines, space)
        inputs = [torch.as_tensor(space[slot.name]) for slot in program.inputs]
        with torch.no_grad():
            wanted = program.network(*inputs)
        assert wanted.std() > 1e-3, "weights so small that any difference is"
        assert difference(torch.as_tensor(space[program.output]).detach(), wanted) <= TOLERANCE
