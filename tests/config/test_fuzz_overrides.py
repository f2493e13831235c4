"""Command lines that hypothesis makes: each is answered in words, and a wrong one leaves nothing behind.

Everything up to the end of checking is real, but for downloads and decoding; the work itself does nothing. Launchers
and sweepers of other kinds are left out, as they start processes. Options that say how often something is built are
given small numbers: a billion layers are the user's own wish, and take their time.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from atelier.cli import check, hydra_job, run, verb
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir, groups

SETTINGS: dict[str, Any] = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}

VERBS = [name for name in verb.VERBS if (conf_dir() / f"{name}.yaml").exists()]

OPTIONS = {name: options for name, options in groups(conf_dir()).items() if name not in ("hydra", "search")}

REPEATED = ("depth", "blocks", "devices", "num_nodes", "walks", "steps", "rows", "columns", "count", "modes", "levels")

SMALL = ["", "null", "true", "-1", "0", "1", "1.5", "x", "[]", "nan"]

VALUES = [
    *SMALL,
    *("inf", "1e400", "-0.0", "99999999999999999999", "9223372036854775808", "1e-320", "0x10", "1_000", "True", "~"),
    *("[1,2]", "[[]]", "{}", "{a:1}", "{a:{b:[]}}", "{1:2}", "a,b", "1,2,3", "range(1,4)", "choice(1,2)"),
    "interval(0,1)",
    *("glob(*)", "shuffle(1,2)", "sort(3,1)", "int(1.5)", "str([1])", "tag(a,choice(1))", "range(0,1,0)", "int(x)"),
    *("${seed}", "${nope}", "${seed", "}${", "${${seed}}", "${.}", "${..seed}", "${model}", "${a.b.c}"),
    "${oc.env:NOPE}",
    *("${now:%Y}", "${hydra:runtime.cwd}", "${half:seed}", "${half:x}", "${with:${model},{a:1}}"),
    *("${with:1,2}", "${:}"),
    *("${oc.decode:'['}", "${oc.select:a,b}", "${oc.create:{a:1}}", "${oc.dict.keys:model}", "${resume}", "???"),
    *("'", '"', "\\", "\\'", "'a", '"a"', "(", ")", "[", "]", "{", "}", ":", "@", "$", "%", "=", "a=b"),
    *("a b", "a\tb", "\n"),
    *("é", "日本", "\u202e", "\udcff", "\U0001f984", "x" * 3000, "../..", "a/b", "nowhere.ckpt", "file:///etc/passwd"),
    *("{_target_: os.system}", "{_target_: builtins.eval, _args_: ['1']}", "{_partial_: true}"),
    *("{_target_: 3}", "os.system"),
]

PREFIXES = ["", "", "", "", "+", "++", "~", "+ ", "-", "--", "+~"]

PACKAGES = ["", "", "", "", "@_global_", "@model", "@:", "@a:b", "@_here_", "@", "@_group_.x"]


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return {name: _keys(name) for name in VERBS}


def _keys(name: str) -> list[str]:
    """Options that the verb has, for a few models."""
    register_resolvers()
    words = [[], ["model=cyclegan", "data=stripes"], ["model=sparse_autoencoder"]] if name == "train" else [[]]
    found: set[str] = {"hydra.job.name", "hydra.run", "hydra", "model.generator._target_", "_target_", "a.b.c"}
    for some in words:
        cfg, _ = compose(conf_dir(), name, some)
        assert isinstance(cfg, DictConfig)
        found |= set(_paths(OmegaConf.to_container(cfg), ""))
    return sorted(found - {"hydra.run.dir", "hydra.sweep.dir"})


def _paths(node: object, above: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield f"{above}{name}"
            yield from _paths(child, f"{above}{name}.")


@st.composite
def lines(draw: st.DrawFn, keys: dict[str, list[str]]) -> tuple[str, list[str]]:
    """A verb, and words for it of which most are nearly right."""
    name = draw(st.sampled_from(VERBS))
    words = [draw(_word(keys[name])) for _ in range(draw(st.integers(1, 4)))]
    if draw(st.integers(0, 5)) == 0:
        words.append("-m")
    if draw(st.integers(0, 9)) == 0:
        words.append(
            draw(st.sampled_from(["--cfg", "job", "--info", "--resolve", "--package", "-x", "--", "-c", "all"]))
        )
    return name, [word for word in words if "\0" not in word and not _starts_processes(word)]


@st.composite
def _word(draw: st.DrawFn, keys: list[str]) -> str:
    prefix, package = draw(st.sampled_from(PREFIXES)), draw(st.sampled_from(PACKAGES))
    kind = draw(st.integers(0, 9))
    if kind < 4:
        group = draw(st.sampled_from(sorted(OPTIONS)))
        word = f"{prefix}{group}{package}={draw(st.sampled_from([*OPTIONS[group], 'none', 'null', '']))}"
    elif kind < 9:
        key = draw(st.sampled_from(keys))
        values = SMALL if key.rpartition(".")[2] in REPEATED else VALUES
        text = st.text(max_size=12) if values is VALUES else st.sampled_from(SMALL)
        word = f"{prefix}{key}={draw(st.one_of(st.sampled_from(values), text))}"
    else:
        word = draw(st.text(max_size=30))
    if draw(st.integers(0, 4)) == 0 and not any(f"{name}=" in word for name in REPEATED):
        place = draw(st.integers(0, len(word)))
        piece = draw(st.one_of(st.characters(), st.sampled_from(list("=@$\\{}[](),:~+'\"./ "))))
        word = word[:place] + piece + word[place + draw(st.integers(0, 2)) :]
    return word


def _starts_processes(word: str) -> bool:
    """Words that leave this process, or this folder."""
    return any(
        sign in word for sign in ("launcher", "sweeper", "search", "hydra.run", "hydra.sweep", "chdir", "--multirun")
    )


def obey(name: str, words: list[str]) -> None:
    """Run the line in an empty folder; asserts the law. Sweeps go through their jobs in this process."""
    told, printed, here = io.StringIO(), io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for module in (verb, check, hydra_job):
            patch.setattr(module, "task_of", _idle)
        patch.setenv("ATELIER_CACHE", f"{folder}/cache")
        place = Path(folder) / "place"
        place.mkdir()
        os.chdir(place)
        try:
            with contextlib.redirect_stderr(told), contextlib.redirect_stdout(printed):
                status = run(name, [*words, "hydra/launcher=basic"])
        finally:
            os.chdir(here)
        said, left = told.getvalue(), sorted(path.name for path in place.iterdir())
    event(f"{name}: {status}")
    assert status in (0, 2), (status, said)
    assert "Traceback" not in said + printed.getvalue()
    if status == 2:
        assert said.startswith("atelier: ") and said.strip() != "atelier:", said
        assert left == []


def _idle(name: str) -> Any:
    """The verb's module with real checks, and no work; nothing is downloaded or decoded."""
    task = importlib.import_module(f"atelier.task.{name}")

    def preflight(cfg: DictConfig) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("atelier.data.images.ImageData.prepare_data", lambda data: None)
            patch.setattr("atelier.data.unpaired.UnpairedData.prepare_data", lambda data: None)
            patch.setattr("atelier.task.train_checks._prepared", lambda cfg: None)
            mistakes: list[str] = task.preflight(cfg)
        return mistakes

    return SimpleNamespace(preflight=preflight, wrong_values=task.wrong_values, run=lambda cfg: None)


@settings(max_examples=10, **SETTINGS)
@given(st.data())
def test_a_few_lines(keys: dict[str, list[str]], data: st.DataObject) -> None:
    obey(*data.draw(lines(keys)))


@pytest.mark.slow
@settings(max_examples=1000, **SETTINGS)
@given(st.data())
def test_many_lines(keys: dict[str, list[str]], data: st.DataObject) -> None:
    obey(*data.draw(lines(keys)))
