from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import OmegaConf

from atelier.cli import main, run
from atelier.cli.help import overview, own_options
from atelier.cli.verbs import VERBS
from atelier.config.words import conf_dir
from atelier.leader import LEADER

SRC = Path(__file__).parents[2] / "src"

_ASK = """
import io, json, sys, contextlib
sys.path.insert(0, sys.argv[1])
from atelier.cli import run
answers = {}
for line in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run("train", line.split())
    heavy = sorted({"torch", "wandb", "pytorch_lightning", "matplotlib", "optuna", "sqlalchemy"} & set(sys.modules))
    answers[line] = (status, len(out.getvalue()), len(err.getvalue()), heavy)
print(json.dumps(answers))
"""


def test_help_config_and_words_need_neither_torch_nor_wandb(tmp_path: Path) -> None:
    status = {"--help": 0, "--cfg job": 0, "model=dcgn": 2, "data.batchsize=3": 2, "seed=x": 2}
    status |= {
        "regularizer=gradient_penalty": 2,
        "-m seed=1,x": 2,
        "logger=wandb --cfg job": 0,
        "seed=1 --cfg job model=gan": 0,
        "search=dcgan_optuna": 2,  # it has a sweeper and launchers of ours and of others
    }
    asked = subprocess.run(
        [sys.executable, "-c", _ASK, str(SRC), json.dumps(list(status))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(asked.stdout)
    assert {line: answer[0] for line, answer in answers.items()} == status
    for line, (code, out, err, heavy) in answers.items():
        assert heavy == [], line
        assert (out > 0, err > 0) == (code == 0, code == 2), line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["model=gan", "data=mnist"], ["model=gan", "seed=4", "logger=[csv,wandb]"]])
def test_the_printed_configuration_is_the_one_that_hydra_composes(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        wanted = OmegaConf.to_yaml(hydra_compose("train", words or ["experiment=dcgan_digits"]))
    monkeypatch.setattr("atelier.config.grouped._asked", set())
    compose = create_autospec(ConfigLoaderImpl.load_configuration, side_effect=ConfigLoaderImpl.load_configuration)
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", compose)
    assert run("train", ["--cfg", "job", *words]) == 0
    assert capsys.readouterr().out == wanted
    assert compose.call_count == 1


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_the_groups_and_the_commands(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, ["--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{verb}: ")
    assert f"src/{verb}.py" in said or f"atelier {verb}" in said
    for option in own_options(conf_dir(), verb):
        assert f"\n  {option.key}=" in said
    if verb == "train":
        for group in ("model", "data", "objective", "regularizer", "augment", "logger", "experiment", "trainer"):
            assert f"\n  {group}: " in said
            for file in (conf_dir() / group).glob("*.yaml"):
                assert re.search(rf"\n    {file.stem}(\n| )", said)
    assert max(map(len, said.splitlines())) <= 120


def test_help_is_silent_where_its_reader_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    asked = subprocess.run(
        [sys.executable, str(SRC / "train.py"), "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (asked.returncode, asked.stderr) == (0, "")


def test_help_of_one_axis(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", ["--help", "init"]) == 0
    said = capsys.readouterr().out
    assert "orthogonal" in said and "dcgan_digits" not in said
    assert run("train", ["--help", "modl"]) == 2
    assert "did you mean model?" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "status"), [([], 2), (["--help"], 0), (["trian"], 2)])
def test_a_verb_comes_first(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["atelier", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == status
    said = capsys.readouterr()
    if words == ["trian"]:
        assert "there is no verb trian; did you mean train?" in said.err
    else:
        assert all(verb in said.out for verb in VERBS)


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_every_verb_tells_its_versions(verb: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as leaving:
        patch.setattr(sys, "argv", ["atelier", "--version"])
        main(verb)
    told = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert leaving.value.code == 0
    assert told.keys() == {"atelier", "torch", "lightning", "python"}
    assert told["torch"] == version("torch") and told["python"] == platform.python_version()


def test_verbs_are_a_module_too(tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "atelier", "sample", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.startswith("sample: ") and "python -m atelier sample ckpt=<run folder>" in asked.stdout


@pytest.mark.parametrize(
    ("script", "called"),
    [("/env/site-packages/atelier/__main__.py", "python -m atelier"), ("/env/bin/atelier", "atelier")],
)
def test_the_list_of_verbs_names_the_call_that_was_made(
    script: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.setattr(sys, "argv", [script])
    lines = overview().splitlines()
    assert lines[0] == f"{called} <verb> [option=value ...]"
    assert lines[-2].startswith(f"{called} <verb> --help lists")
    assert lines[-1] == f'  eval "$({called} --shell-completion install=bash)"'


@pytest.mark.parametrize(
    ("word", "told"),
    [("trian", "did you mean train?"), ("--halp", "did you mean --help?"), ("-m", "-m: the verb comes first, as in ")],
)
def test_what_is_no_verb_is_told_with_what_was_meant(
    word: str, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["atelier", word])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 2
    assert told in capsys.readouterr().err


_INTERRUPT = """
import os, runpy, signal, sys

place, source, script = sys.argv[1:]

class Interrupting:
    def find_spec(name, path=None, target=None):
        if name == place:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
sys.path.insert(0, source)
sys.argv = ["train.py", "model=gan"]
runpy.run_path(script, run_name="__main__")
"""


def interrupted(place: str, folder: Path, **around: str) -> tuple[int, str, str]:
    """Status and words of a training in ``folder`` that Ctrl-C meets as it imports ``place``."""
    asked = subprocess.run(
        [sys.executable, "-c", _INTERRUPT, place, str(SRC), str(SRC / "train.py")],
        env=os.environ | around,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return asked.returncode, asked.stdout, asked.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("place", ["atelier.cli.entry_point", "atelier.cli.help", "hydra", "antlr4", "torch"])
def test_ctrl_c_while_modules_are_imported_ends_quietly(place: str, tmp_path: Path) -> None:
    assert interrupted(place, tmp_path) == (130, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_ctrl_c_is_left_to_the_leader(tmp_path: Path) -> None:
    followed_by_nobody = {LEADER: "1"}  # another process than the one that starts it: it has nothing to do
    assert interrupted("hydra", tmp_path, **followed_by_nobody) == (0, "", "")


def test_every_verb_has_a_script() -> None:
    assert {file.stem for file in SRC.glob("*.py")} == set(VERBS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--info"], "Installed Hydra Plugins"),
        (["objective=hinge", "--info"], "Installed Hydra Plugins"),
        (["--info", "defaults"], "Defaults List"),
    ],
)
def test_info_takes_no_word_for_its_value(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("train", words) == 0
    assert said in capfd.readouterr().out
