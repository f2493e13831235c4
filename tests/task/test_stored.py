"""What can be asked of a stored run, and what is refused: wrong words, damaged files, other people's configurations."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch
from omegaconf import OmegaConf

from atelier.checkpoint import read
from atelier.cli import run
from atelier.config.resume import configuration, find
from atelier.config.words import conf_dir
from atelier.task.lock import claimed
from atelier.types import Mistake


@pytest.fixture
def stored(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trained run, in outputs/ of a folder of this test's own, as if it had been cut off."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "dcgan-digits" / "then"
    shutil.copytree(trained, folder)
    _end(folder, "training")
    return folder


def _end(folder: Path, status: str) -> None:
    results = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps(results | {"status": status}))


Answer = Callable[..., str]


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Answer:
    """What a command line is refused with."""

    def ask(*words: str) -> str:
        assert run("train", list(words)) == 2
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert said.startswith("atelier: ")
        return said

    return ask


# --- words


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["resume="], ["resume=", "name a run's folder"]),
        (["resume=nowhere"], ["resume=nowhere", "no such folder"]),
        (["resume=outputs"], ["resume=outputs", "no run's folder"]),
        (["resume=RUN", "resume=RUN"], ["twice"]),
        (["-m", "resume=RUN", "seed=1,2"], ["-m", "one run"]),
        (["resume=RUN", "hydra.run.dir=other"], ["hydra.run.dir=other", "own folder"]),
        (["resume=RUN", "init_from=other"], ["init_from=other", "weights of its own"]),
        (["resume=RUN", "--cfg", "job"], ["--cfg", "config.yaml"]),
        (["resume=RUN", "data.batchsize=3"], ["data.batchsize=3", "did you mean batch_size?"]),
        (["resume=RUN", "model=dcgann"], ["model=dcgann", "did you mean dcgan?"]),
        (["resume=RUN", "model.generator_optimizer.lr=-1"], ["_optimizer.lr=-1"]),
        (["resume=RUN", "model.generator.width=8"], ["resume=", "generator.layers", "other networks"]),
        (["resume=RUN", "data.batch_size=30"], ["has 6 batches", "would be 12", "init_from="]),
        (["resume=RUN", "data.subset=361"], ["has 360 images", "would be 361", "init_from="]),
        (["resume=RUN", "trainer.limit_train_batches=0"], ["trainer.limit_train_batches=0"]),
        (["resume=RUN", "trainer.check_val_every_n_epoch=0"], ["check_val_every_n_epoch=0: 1 or more"]),
        (["resume=RUN", "validate_every=0"], ["validate_every=0: 1 or more"]),
        (["resume=RUN", "validate_every=null"], ["validate_every=null: 1 or more"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else "",
)
def test_wrong_words_leave_the_run_as_it_was(
    words: list[str], fragments: list[str], stored: Path, refused: Answer
) -> None:
    before = _files(stored)
    said = refused(*(word.replace("RUN", str(stored)) for word in words))
    assert [fragment for fragment in fragments if fragment not in said] == [], said
    assert _files(stored) == before


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_says_so_with_the_word_that_trains_it_further(stored: Path, refused: Answer) -> None:
    _end(stored, "finished")
    assert "finished (2 epochs); to train it further, add trainer.max_epochs=4" in refused(f"resume={stored}")


def test_a_finished_run_tells_what_was_trained_and_not_what_was_typed(stored: Path, refused: Answer) -> None:
    _end(stored, "finished")
    said = refused(f"resume={stored}", "trainer.max_epochs=1")
    assert "finished (2 epochs); to train it further, add trainer.max_epochs=4" in said


def test_a_run_without_a_checkpoint_says_what_to_do(stored: Path, refused: Answer) -> None:
    shutil.rmtree(stored / "checkpoints")
    assert "before its first checkpoint" in refused(f"resume={stored}")


def test_a_folder_with_a_run_takes_no_second_one(stored: Path, refused: Answer) -> None:
    said = refused("data=digits", f"hydra.run.dir={stored}")
    assert f"resume={stored} goes on with it" in said


def test_two_processes_do_not_write_to_one_run(stored: Path, refused: Answer) -> None:
    with filelock.FileLock(stored / ".lock"):
        assert "another process is writing to this run" in refused(f"resume={stored}")
    with claimed(stored, new=False):
        pass
    with pytest.raises(Mistake, match="holds a run already"), claimed(stored, new=True):
        pass


def test_a_run_that_lacks_only_its_end_is_closed(stored: Path) -> None:
    """All epochs were trained and saved, but the process was killed before the last words."""
    before = (stored / "metrics.csv").read_text()
    assert run("train", [f"resume={stored}"]) == 0
    assert json.loads((stored / "results.json").read_text())["status"] == "finished"
    assert (stored / "metrics.csv").read_text() == before


def test_a_word_that_added_an_option_may_find_it_there_by_now(stored: Path) -> None:
    started = OmegaConf.to_container(OmegaConf.load(stored / "overrides.yaml"))
    assert isinstance(started, list)
    OmegaConf.save(OmegaConf.create([*started, "+model.generator_optimizer.fused=false"]), stored / "overrides.yaml")
    cfg = configuration(conf_dir(), find(str(stored)), ["trainer.max_epochs=3"])
    assert cfg.trainer.max_epochs == 3
    assert cfg.resume.changed == {"trainer.max_epochs": [2, 3]}


def test_latest_is_the_unfinished_run_written_to_last(stored: Path, capfd: pytest.CaptureFixture[str]) -> None:
    finished = stored.with_name("later")
    shutil.copytree(stored, finished)
    _end(finished, "finished")
    assert run("train", ["resume=latest"]) == 0
    assert f"resume=latest: going on with {stored}" in capfd.readouterr().err
    assert run("train", ["resume=latest"]) == 2  # all are finished now


def test_a_moved_run_writes_to_its_new_place(stored: Path) -> None:
    moved = stored.parents[2] / "elsewhere"
    stored.rename(moved)
    cfg: Any = OmegaConf.load(moved / "config.yaml")
    former = cfg.run_dir
    cfg.logger = {"tensorboard": _tensorboard(former)}
    OmegaConf.save(cfg, moved / "config.yaml")
    assert run("train", [f"resume={moved}"]) == 0
    assert not Path(former, "tensorboard").exists()
    assert list((moved / "tensorboard").iterdir())


def _tensorboard(folder: str) -> dict[str, str]:
    target = "pytorch_lightning.loggers.tensorboard.TensorBoardLogger"
    return {"_target_": target, "save_dir": folder, "name": "tensorboard", "version": ""}


# --- damage


def test_a_damaged_checkpoint_is_refused_and_the_whole_one_offered(stored: Path, refused: Answer) -> None:
    file = stored / "checkpoints" / "last.ckpt"
    whole = file.read_bytes()
    for cut in range(20):
        file.write_bytes(whole[: cut * len(whole) // 20])
        with pytest.raises(
            Mistake, match=r"last\.ckpt: .*damaged.*best\.ckpt of epoch \d is whole: resume=.*best\.ckpt"
        ):
            _contents(stored)
    assert "best.ckpt of epoch" in refused(f"resume={stored}")
    assert run("train", [f"resume={stored / 'checkpoints' / 'best.ckpt'}", "trainer.max_epochs=3"]) == 0
    assert read(file)["callbacks"]["Clock"]["epoch"] == 3.0


def test_flipped_bytes_are_refused_or_change_nothing(stored: Path) -> None:
    file, chance = stored / "checkpoints" / "last.ckpt", random.Random(0)
    good, whole = _contents(stored)["optimizer_states"], bytearray(file.read_bytes())
    for _ in range(20):
        place = chance.randrange(len(whole))
        file.unlink()
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            states = _contents(stored)["optimizer_states"]
        except Mistake as mistake:
            assert "best.ckpt" in str(mistake)
        else:
            mine, theirs = ([*state["state"].values()] for state in (states[0], good[0]))
            assert all(torch.equal(a["exp_avg"], b["exp_avg"]) for a, b in zip(mine, theirs, strict=True))


def _contents(folder: Path) -> dict[str, Any]:
    from atelier.task.resume import contents

    return contents(OmegaConf.create({"resume": {"checkpoint": str(folder / "checkpoints" / "last.ckpt")}}))


# --- other people's runs

_TOUCH = ["touch", "ran"]


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "os.system", "command": "touch ran"},
        {"_target_": "builtins.eval", "_args_": ["open('ran', 'w')"]},
        {"_target_": "subprocess.run", "args": _TOUCH},
        {"_target_": "torch.os.system", "command": "touch ran"},
        {"_target_": "torchvision.datasets.utils.os.system", "_args_": ["touch ran"]},
        {"_target_": "torch.hub.load", "repo_or_dir": ".", "source": "local", "model": "ran"},
        {"_target_": "hydra.utils.get_method", "path": "os.system"},
        {"_target_": "subprocess.run", "_partial_": True, "args": _TOUCH},
    ],
    ids=lambda node: node["_target_"],
)
@pytest.mark.parametrize("place", ["model", "callback.clock", "model.generator_optimizer.betas", "trainer.plugins"])
def test_the_configuration_of_somebody_else_runs_nothing(
    node: dict[str, Any], place: str, stored: Path, refused: Answer
) -> None:
    cfg = OmegaConf.load(stored / "config.yaml")
    OmegaConf.update(cfg, place, [node, 0.9] if place.endswith("betas") else node, merge=False, force_add=True)
    OmegaConf.save(cfg, stored / "config.yaml")
    said = refused(f"resume={stored}")
    assert place in said
    assert node["_target_"] in said
    assert not list(stored.parents[2].glob("**/ran"))


@pytest.mark.parametrize(
    "text", ["[]", "model: 1", "!!python/object/apply:os.system ['touch ran']", "{", "\x00", "a: ${b}"]
)
def test_a_file_that_is_no_configuration_is_refused(text: str, stored: Path, refused: Answer) -> None:
    (stored / "config.yaml").write_text(text)
    assert "config.yaml: " in refused(f"resume={stored}")
    assert not Path("ran").exists()


def test_a_stored_configuration_follows_no_references(stored: Path, refused: Answer) -> None:
    text = (stored / "config.yaml").read_text().replace("init_from: null", "init_from: ${oc.env:HOME}")
    (stored / "config.yaml").write_text(text)
    assert "no references" in refused(f"resume={stored}")
