"""A checkpoint from somebody else: whatever hides in it, every verb names it and runs nothing."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from atelier.checkpoint import load, load_part, read
from atelier.cli import run
from atelier.types import Mistake

COMMAND = {"_target_": "os.system", "command": "touch ran"}

FORMS: dict[str, tuple[Any, str]] = {
    "os.system": (COMMAND, "os.system"),
    "eval": ({"_target_": "builtins.eval", "_args_": ["open('ran', 'w')"]}, "builtins.eval"),
    "subprocess": ({"_target_": "subprocess.run", "args": ["touch", "ran"]}, "subprocess.run"),
    "through torch": ({"_target_": "torch.os.system", "command": "touch ran"}, "torch.os.system"),
    "through torchvision": (
        {"_target_": "torchvision.datasets.utils.os.system", "_args_": ["touch ran"]},
        "torchvision.datasets.utils.os.system",
    ),
    "hub": ({"_target_": "torch.hub.load", "repo_or_dir": ".", "source": "local", "model": "ran"}, "torch.hub.load"),
    "method": ({"_target_": "hydra.utils.get_method", "path": "os.system"}, "hydra.utils.get_method"),
    "partial": ({"_target_": "subprocess.run", "_partial_": True, "args": ["touch", "ran"]}, "subprocess.run"),
    "weights that are a pickle": (
        {
            "_target_": "torchmetrics.image.fid.FrechetInceptionDistance",
            "feature_extractor_weights_path": "weights.pth",
        },
        "torchmetrics.image.fid.FrechetInceptionDistance",
    ),
    "in a list": ([1, [COMMAND]], "os.system"),
    "in a mapping": ({"a": {"b": COMMAND}}, "os.system"),
    "an interpolation": ("${data}", "no references"),
    "of the environment": ("${oc.env:HOME}", "no references"),
    "of a name": ({"_target_": "${model._target_}"}, "no references"),
}

VERBS = {
    "sample": [],
    "translate": ["direction=a_to_b", "input=."],
    "evaluate": [],
    "encode": [],
    "reconstruct": [],
    "export": [],
    "serve": [],
}


class Malice:
    """Pickled, it asks to be unpickled by a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch ran",)


Forge = Callable[[Any], Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    torch.save({"x": Malice()}, tmp_path / "weights.pth")
    return tmp_path


@pytest.fixture
def forge(here: Path, trained: Path) -> Forge:
    """A checkpoint whose generator and translator are ``node``."""

    def made(node: Any) -> Path:
        content = copy.deepcopy(read(trained / "checkpoints" / "last.ckpt"))
        content["atelier"]["config"]["model"] |= {"generator": node, "a_to_b": node}
        torch.save(content, here / "made.ckpt")
        return here / "made.ckpt"

    return made


@pytest.mark.parametrize("form", list(FORMS))
def test_no_form_runs_anything(form: str, forge: Forge, here: Path) -> None:
    node, named = FORMS[form]
    file = forge(node)
    with pytest.raises(Mistake, match=rf"made\.ckpt: .*{named}"):
        load(file)
    if isinstance(node, dict):
        with pytest.raises(Mistake, match=rf"made\.ckpt: .*{named}"):
            load_part(file, "a_to_b")
    assert not (here / "ran").exists()


@pytest.mark.parametrize(
    "verb", [verb if verb == "sample" else pytest.param(verb, marks=pytest.mark.slow) for verb in VERBS]
)
def test_no_verb_runs_anything(verb: str, forge: Forge, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = forge(COMMAND)
    assert run(verb, [f"ckpt={file}", *VERBS[verb], "hydra.run.dir=made"]) == 2
    said = capfd.readouterr().err
    assert "os.system may not be a target" in said and "Traceback" not in said
    torch.save({**read(file), "extra": Malice()}, here / "bait.ckpt")
    assert run(verb, ["ckpt=bait.ckpt", *VERBS[verb], "hydra.run.dir=made"]) == 2
    said = capfd.readouterr().err
    assert "bait.ckpt: not a checkpoint, or damaged" in said and "Traceback" not in said
    assert not (here / "ran").exists()
    assert not (here / "made").exists()


@pytest.mark.slow
def test_the_data_of_a_checkpoint_run_nothing_either(
    trained: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = copy.deepcopy(read(trained / "checkpoints" / "last.ckpt"))
    for part in ("data", "extractor", "metric"):
        config = copy.deepcopy(content["atelier"]["config"])
        config[part] = {"distance": COMMAND} if part == "metric" else config[part] | COMMAND
        torch.save({**content, "atelier": content["atelier"] | {"config": config}}, here / "made.ckpt")
        assert run("evaluate", ["ckpt=made.ckpt"]) == 2
        said = capfd.readouterr().err
        assert "os.system may not be a target" in said and "Traceback" not in said, part
    assert not (here / "ran").exists()


def test_starting_from_a_stranger_runs_nothing(trained: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.save({**read(trained), "extra": Malice()}, here / "bait.ckpt")
    assert run("train", ["data=digits", "init_from=bait.ckpt"]) == 2
    assert "init_from=bait.ckpt: not a checkpoint, or damaged" in capfd.readouterr().err
    assert not (here / "ran").exists()


def test_the_whole_one_beside_a_damaged_one_is_offered(
    trained: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "run" / "checkpoints").mkdir(parents=True)
    whole = (trained / "checkpoints" / "last.ckpt").read_bytes()
    (here / "run" / "checkpoints" / "best.ckpt").write_bytes(whole[: len(whole) // 2])
    (here / "run" / "checkpoints" / "last.ckpt").write_bytes(whole)
    assert run("sample", ["ckpt=run"]) == 2
    offered = "best.ckpt: not a checkpoint, or damaged (BadZipFile). last.ckpt of epoch 2 is whole: ckpt="
    assert offered in capfd.readouterr().err
