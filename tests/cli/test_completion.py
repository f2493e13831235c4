"""Tab completion: what fits a half-typed line, and that a real bash asks for it and puts it in place."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from atelier.cli import run
from atelier.cli.complete import complete
from atelier.cli.help import composed_axes
from atelier.cli.verbs import VERBS
from atelier.config.axes import AXES
from atelier.config.words import conf_dir, groups

ROOT = Path(__file__).parents[2]

# (verb, line, all words that fit)
FITTING: list[tuple[str | None, str, set[str]]] = [
    (None, "tra", {"train", "translate"}),
    (None, "evaluate split=t", {"split=test", "split=train"}),
    (None, "trian model=", set()),
    ("train", "mod", {"model=", "model."}),
    ("train", "model=", {f"model={option}" for option in groups(conf_dir())["model"]}),
    ("train", "seed=1 regularizer=r1,", {f"regularizer=r1,{option}" for option in groups(conf_dir())["regularizer"]}),
    ("train", "+experiment=dcgan_c", {"+experiment=dcgan_cifar10"}),
    ("train", "hydra/sweeper/pruner=m", {"hydra/sweeper/pruner=median"}),
    ("train", "--cfg j", {"job"}),
    ("train", "--mu", {"--multirun"}),
    ("train", "auto_batch=", {"auto_batch=true", "auto_batch=false"}),
    ("train", "resume=", {"resume=latest"}),
    ("train", "resume=outputs/", set()),  # a file: the shell completes it
    ("train", "'logger=[csv,wandb] data=di", {"data=digits"}),  # an open quote
    ("serve", "lim", {"limits."}),
    ("serve", "limits.side=", {"limits.side=512"}),
    ("sample", "model=", set()),  # no axis of that verb
    # keys follow from what is chosen so far
    ("train", "model=cyclegan data=stripes model.lambda", {"model.lambda_a=", "model.lambda_b="}),
    ("train", "model=dcgan model.lambda", set()),
    ("train", "model=autoencoder network.t", {"network.tied="}),
    ("train", "model=dcgn data.batch", {"data.batch_size="}),  # whatever is wrong so far
]


@pytest.mark.parametrize(("verb", "line", "words"), FITTING, ids=[line for _, line, _ in FITTING])
def test_what_fits(verb: str | None, line: str, words: set[str]) -> None:
    assert {one.word for one in complete(verb, line)} == words


def test_every_axis_is_explained() -> None:
    assert set().union(*(composed_axes(conf_dir(), verb) for verb in VERBS)) == set(AXES)


def test_a_shell_that_is_none_of_ours_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", ["--shell-completion", "install=bsh"]) == 2
    assert "did you mean bash?" in capsys.readouterr().err
    assert run("train", ["--shell-completion"]) == 2


def ask_bash(line: str, *, before: str = "") -> list[str]:
    """What a bash that has read our lines would put after the last break of ``line``."""
    words = " ".join(f'"{word}"' for word in line.split())
    code = f"""
    PATH={Path(sys.executable).parent}:$PATH
    {before}
    eval "$(python src/train.py --shell-completion install=bash)"
    COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({words})
    COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    _atelier_complete {line.split(maxsplit=1)[0]}
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_asks_the_script_that_is_typed() -> None:
    assert ask_bash("python src/train.py model=dc") == ["dcgan "]  # readline replaces what stands after the =
    assert ask_bash("python ./src/train.py seed=1 model=dcgan data.batch") == ["data.batch_size="]
    assert ask_bash("python src/translate.py direc") == ["direction="]
    assert ask_bash("python src/serve.py --he") == ["--help "]
    assert ask_bash("python README.md mod") == [""]
    earlier = "_other() { COMPREPLY=(theirs); }; complete -F _other python"
    assert ask_bash("python other.py ", before=earlier) == ["theirs"]
    assert ask_bash("python src/train.py model=dc", before=earlier) == ["dcgan "]
    if shutil.which("uv", path=Path(sys.executable).parent):
        assert ask_bash("uv run src/train.py augment=d") == ["diffaugment "]
    if (Path(sys.executable).parent / "atelier").exists():
        assert ask_bash("atelier compa") == ["compare "]
        assert ask_bash("atelier train schedule=co") == ["constant ", "cosine "]
