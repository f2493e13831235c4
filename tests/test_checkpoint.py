from __future__ import annotations

import copy
import os
import pickle
import random
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

import atelier
from atelier.checkpoint import FORMAT, find, load, pour, read
from atelier.cli import run
from atelier.config.build import build
from atelier.types import Mistake

Compose = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def content(trained: Path) -> dict[str, Any]:
    return read(trained)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def save(value: Any) -> Path:
        torch.save(value, tmp_path / "made.ckpt")
        return tmp_path / "made.ckpt"

    return save


def test_a_run_folder_gives_its_model_back(trained: Path, content: dict[str, Any]) -> None:
    model: Any = atelier.load(trained)
    assert not model.training
    assert model.sample(5, seed=3).shape == (5, 1, 32, 32)
    for name, value in model.state_dict().items():
        assert torch.equal(value, content["state_dict"][name]), name
    by_hand: Any = build(load(trained).cfg.model)
    by_hand.load_state_dict(content["state_dict"])
    assert torch.equal(by_hand.sample(5, seed=3), model.sample(5, seed=3))


def test_a_checkpoint_carries_its_configuration_resolved(trained: Path) -> None:
    loaded = load(trained / "checkpoints" / "last.ckpt")
    assert loaded.file == trained / "checkpoints" / "last.ckpt"
    assert loaded.cfg.model.generator.width == 4
    assert loaded.cfg.model.generator.channels == 1  # was an interpolation
    assert loaded.cfg.model_name == "dcgan"
    raw = torch.load(loaded.file, weights_only=True)
    assert raw["atelier"]["format"] == FORMAT


def test_the_best_is_found_before_the_last(trained: Path, tmp_path: Path) -> None:
    assert find(trained).name == "best.ckpt"
    assert find(trained / "checkpoints").name == "best.ckpt"
    assert find(trained / "checkpoints" / "last.ckpt").name == "last.ckpt"
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    assert find(tmp_path).name == "last.ckpt"


def test_no_extractor_gets_into_a_checkpoint(content: dict[str, Any]) -> None:
    assert {name.split(".")[0] for name in content["state_dict"]} == {"generator", "critic", "average"}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(share: float, trained: Path, tmp_path: Path) -> None:
    whole = (trained / "checkpoints" / "last.ckpt").read_bytes()
    file = tmp_path / "cut.ckpt"
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(Mistake, match=r"cut\.ckpt: not a checkpoint, or damaged"):
        load(file)


def test_flipped_bytes_are_refused_or_harmless(trained: Path, tmp_path: Path) -> None:
    """Wherever a byte is wrong, nothing but a Mistake comes out, and no other model than the one saved."""
    whole = bytearray((trained / "checkpoints" / "last.ckpt").read_bytes())
    good, chance, file = (
        load(trained / "checkpoints" / "last.ckpt").model.state_dict(),
        random.Random(0),
        tmp_path / "x",
    )
    with zipfile.ZipFile(trained / "checkpoints" / "last.ckpt") as archive:
        head = archive.getinfo(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    places = [chance.randrange(len(whole)) for _ in range(15)]
    places += [head.header_offset + 60 + chance.randrange(head.file_size) for _ in range(25)]  # the pickle itself
    refused = 0
    for place in places:
        whole[place] ^= 0xFF
        file.write_bytes(whole)
        whole[place] ^= 0xFF
        try:
            state = load(file).model.state_dict()
        except Mistake:
            refused += 1
        else:
            assert all(torch.equal(state[name], value) for name, value in good.items()), place
    assert refused > len(places) / 2


class Malice:
    """Pickled, it asks to be unpickled by a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def gone_through(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkpoints that are read from end to end, each as often as it is."""
    seen: list[str] = []
    test = zipfile.ZipFile.testzip

    def noted(archive: zipfile.ZipFile) -> str | None:
        seen.append(Path(str(archive.filename)).name)
        return test(archive)

    monkeypatch.setattr(zipfile.ZipFile, "testzip", noted)
    return seen


@pytest.mark.thorough
@pytest.mark.parametrize(
    "words",
    [["evaluate", "samples=20"], ["sample", "samples=2"], ["export", "format=reference"], ["train", "resume"]],
    ids=lambda words: words[0],
)
def test_a_verb_goes_through_its_checkpoint_once(
    words: list[str], trained: Path, gone_through: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    verb, *more = words
    if more == ["resume"]:
        assert run(verb, ["resume=run", "trainer.max_epochs=3"]) == 0
        assert gone_through == ["last.ckpt"]
    else:
        expected = 2 if verb == "export" else 0  # a DCGAN has no such files, which is found out by opening it
        assert run(verb, ["ckpt=run", *more, "hydra.run.dir=out"]) == expected
        assert gone_through == ["best.ckpt"]


def test_a_file_that_was_sound_is_gone_through_again_once_it_changes(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    shutil.copy(trained / "checkpoints" / "last.ckpt", file)
    read(file)
    stat, content = file.stat(), bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        largest = max(archive.infolist(), key=lambda one: one.file_size)
    content[largest.header_offset + 200] ^= 1  # within a weight
    time.sleep(0.02)  # the system's clock of files has ticks
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(Mistake, match="damaged"):
        read(file)


def test_a_malicious_pickle_runs_nothing(content: dict[str, Any], write: Callable[[Any], Path], tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    inside = write({**content, "extra": Malice(marker)})
    bare = tmp_path / "bare.ckpt"
    bare.write_bytes(pickle.dumps({"atelier": Malice(marker)}))
    for file in (inside, bare):
        with pytest.raises(Mistake, match="not a checkpoint, or damaged"):
            load(file)
    assert not marker.exists()
    pickle.loads(bare.read_bytes())
    assert marker.exists(), "the bait is a bait"


@pytest.mark.parametrize("place", ["model", "generator", "list", "positional"])
def test_a_forbidden_target_in_a_checkpoint_is_refused(
    place: str, content: dict[str, Any], write: Callable[[Any], Path], tmp_path: Path
) -> None:
    marker, bad = tmp_path / "ran", copy.deepcopy(content)
    command = {"_target_": "os.system", "_args_": [f"touch {marker}"]}
    model = bad["atelier"]["config"]["model"]
    if place == "model":
        bad["atelier"]["config"]["model"] = command
    elif place == "generator":
        model["generator"] = command
    elif place == "list":
        model["generator_optimizer"]["betas"] = [command, 0.9]
    else:
        model["latent"]["_args_"] = [command]
    with pytest.raises(Mistake, match=r"made\.ckpt: .*os\.system may not be a target"):
        load(write(bad))
    assert not marker.exists()


def test_other_files_and_formats_are_told_apart(content: dict[str, Any], write: Callable[[Any], Path]) -> None:
    passport = content["atelier"]
    for value, said in (
        ({"weight": torch.zeros(3)}, "not a checkpoint of atelier"),
        ([1, 2, 3], "not a checkpoint of atelier"),
        ({**content, "state_dict": [1]}, "not a checkpoint of atelier"),
        ({**content, "atelier": {**passport, "format": FORMAT + 1}}, f"format {FORMAT + 1}.*reads format {FORMAT}"),
        ({**content, "atelier": {"format": FORMAT}}, "without its configuration"),
        ({**content, "atelier": {"format": FORMAT, "config": {}}}, "without its configuration"),
    ):
        with pytest.raises(Mistake, match=said):
            load(write(value))


def test_places_without_a_checkpoint(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "no", "no such file"),
        (tmp_path, "best.ckpt"),
        ("", "name a"),
        (None, "null: name"),
    ):
        with pytest.raises(Mistake, match=said):
            find(path)


def test_weights_are_poured_only_into_the_same_networks(composed: Compose, content: dict[str, Any]) -> None:
    words = ("model.generator.width=4", "model.critic.network.width=4")
    same, state = build(composed(*words).model), content["state_dict"]
    pour(state, same, "there")
    assert all(torch.equal(same.state_dict()[name], value) for name, value in state.items())
    wider = build(composed("model.generator.width=8", words[1]).model)
    with pytest.raises(Mistake, match=r"there: other networks.*generator.*\[.*\] there, \[.*\] here"):
        pour(state, wider, "there")
    without = build(composed(*words, "model.ema=null").model)
    with pytest.raises(Mistake, match=r"there: other networks.*average"):
        pour(state, without, "there")
