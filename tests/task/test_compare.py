"""Runs beside one another: what differs, seeds, protocols, and files that nobody should trust."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from rich.console import Console

from atelier.cli import run
from atelier.cli.positional import with_places
from atelier.config.axes import PARTS
from atelier.config.compose import fill_in
from atelier.config.fit import misfits
from atelier.config.words import conf_dir
from atelier.task.compare import preflight
from atelier.task.comparing.axes import used
from atelier.task.comparing.files import clean, leaves, number
from atelier.task.comparing.page import page
from atelier.task.comparing.runs import find, read
from atelier.task.comparing.table import Table, tabulate, values
from atelier.task.comparing.text import alarms, as_csv, remarks, show
from atelier.types import Mistake

Compose = Callable[..., DictConfig]

PROTOCOL = {
    "extractor": "digits",
    "identity": "09087d390ecc",
    "features": 64,
    "resize": "none",
    "real": 355,
    "fake": 355,
    "ema": True,
    "seed": 0,
}


def make(
    folder: Path,
    best: float,
    *,
    lr: float = 1e-3,
    seed: int = 0,
    status: str = "finished",
    protocol: dict[str, Any] | None = None,
    name: str = "val/fd_digits",
    higher: bool | None = False,
    **changes: Any,
) -> Path:
    """The folder of a run as ``train`` leaves it, made by hand."""
    (folder / "samples").mkdir(parents=True)
    optimizers = {"generator_optimizer": {"lr": lr}, "discriminator_optimizer": {"lr": lr}}
    config = {"model": optimizers | {"seed": seed}, "seed": seed, "run_dir": str(folder), "model_name": "gan"}
    config |= {"data_name": "digits", "callback": {"dir": f"{folder}/x", "probe": {"seed": 0}}} | changes
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "overrides.yaml").write_text(f"- model.generator_optimizer.lr={lr}\n", encoding="utf-8")
    score = {"last": best + 1, "best": best, "best_epoch": 2, "higher_is_better": higher, "floor": 0.2}
    results = {"status": status, "images_seen": 720, "train_seconds": 62.0, "images_per_second": 100.0}
    results["scores"] = {name: score | {"protocol": protocol or PROTOCOL}}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    rows = [f"{epoch},{epoch * 360},{best + 2 - epoch}" for epoch in (1, 2)]
    (folder / "metrics.csv").write_text("\n".join([f"epoch,images_seen,{name}", *rows]) + "\n", encoding="utf-8")
    Image.fromarray(np.full((8, 8, 3), 99, np.uint8)).save(folder / "samples" / "epoch_0002.png")
    return folder


def table_of(*places: Path, sort: str | None = None) -> Table:
    return tabulate(read(find([str(place) for place in places])), sort)


def printed(table: Table) -> str:
    stream = io.StringIO()
    show(table, Console(file=stream, width=60))
    return stream.getvalue()


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Two learning rates, two seeds of each."""
    for number_, (lr, seed, best) in enumerate([(1e-3, 0, 9.0), (1e-3, 1, 11.0), (1e-2, 0, 4.0), (1e-2, 1, 6.0)]):
        make(tmp_path / "sweep" / str(number_), best, lr=lr, seed=seed)
    return tmp_path / "sweep"


def test_seeds_of_one_configuration_are_one_row_and_the_best_stands_first(four: Path) -> None:
    table = table_of(four)
    assert [row.name for row in table.rows] == ["2, 3", "0, 1"]
    figure = table.rows[0].best(table.columns[0])
    assert figure is not None
    assert (figure.mean, figure.size) == (5.0, 2)
    assert figure.deviation == pytest.approx(2**0.5)  # of a sample: 1 / (n - 1)
    assert "5 ± 1.4 (2)" in printed(table)


def test_one_difference_is_one_option_under_the_name_that_was_typed(four: Path) -> None:
    (option,) = table_of(four).options
    assert (option.name, option.short) == ("model.generator_optimizer.lr", "lr")
    assert option.companions == ("model.discriminator_optimizer.lr",)


def test_what_follows_from_other_options_is_no_difference_unless_it_was_typed(tmp_path: Path) -> None:
    for name, epochs, interval in (("a", 50, 10), ("b", 40, 10), ("c", 1, 1)):
        make(tmp_path / name, 9.0, trainer={"max_epochs": epochs, "check_val_every_n_epoch": interval})
    assert [option.name for option in table_of(tmp_path).options] == ["trainer.max_epochs"]
    (tmp_path / "c" / "overrides.yaml").write_text("- trainer.check_val_every_n_epoch=1\n", encoding="utf-8")
    assert len(table_of(tmp_path).options) == 2


def test_higher_is_better_where_the_scoreboard_says_so(tmp_path: Path) -> None:
    for best in (1.0, 3.0, 2.0):
        make(tmp_path / str(best), best, lr=best, name="val/psnr", higher=True)
    assert [row.name for row in table_of(tmp_path).rows] == ["3.0", "2.0", "1.0"]


def test_protocols_never_share_a_column(tmp_path: Path) -> None:
    make(tmp_path / "a", 5.0, lr=1.0)
    make(tmp_path / "b", 1.0, lr=2.0, protocol=PROTOCOL | {"fake": 1000})
    make(tmp_path / "c", 3.0, lr=3.0, protocol=PROTOCOL | {"warning": "which follows from the rest"})
    table = table_of(tmp_path)
    first, second = table.columns
    assert first.name == second.name
    assert first.word != second.word
    for run_ in table.runs:
        assert (first.of(run_) is None) is not (second.of(run_) is None)
    assert [row.name for row in table.rows] == ["c", "a", "b"]  # 1.0 of another protocol is not better than 5.0
    assert "1,000 fakes" in second.note
    assert f"fd_digits {second.word}: lower is better" in printed(table)


def test_runs_that_no_figure_can_compare_stand_in_sections_of_their_own(four: Path) -> None:
    make(four / "other", 7.0, name="val/mse", model_name="autoencoder", protocol={"split": "test"})
    make(four / "another", 8.0, name="val/mse", model_name="autoencoder", protocol={"split": "test"}, width=4)
    first, second = table_of(four).sections
    assert [row.name for row in first.rows] == ["2, 3", "0, 1"]
    assert [row.name for row in second.rows] == ["other", "another"]
    assert [section.kind for section in (first, second)] == [("gan",), ("autoencoder",)]
    assert [column.title for column in (*first.columns, *second.columns)] == ["fd_digits", "mse"]
    assert [[option.name for option in section.options] for section in (first, second)] == [
        ["model.generator_optimizer.lr"],
        ["width"],
    ]
    assert "mse: lower is better" in printed(table_of(four))


def test_a_repeated_seed_counts_once(tmp_path: Path) -> None:
    make(tmp_path / "a", 5.0)
    make(tmp_path / "b", 5.0)
    table = table_of(tmp_path)
    (row,) = table.rows
    figure = row.best(table.columns[0])
    assert figure is not None
    assert figure.size == 1
    assert "b: repeats a with the same seed, and is counted in no mean" in list(remarks(table))


def test_what_did_not_finish_is_named_and_is_in_no_mean(four: Path) -> None:
    make(four / "cut", 1.0, lr=1e-2, seed=2, status="stopped")
    make(four / "failed", 1.0, lr=1e-2, seed=3, status="failed: CUDA out of memory")
    (make(four / "early", 1.0, lr=1e-2, seed=4) / "results.json").unlink()
    (four / "multirun.yaml").write_text("", encoding="utf-8")
    for name in ("barren", "halted"):
        (four / name).mkdir()
        (four / name / "train.log").write_text("", encoding="utf-8")
    (four / "halted" / "job.json").write_text('{"status": "stopped"}', encoding="utf-8")
    table = table_of(four)
    told = "\n".join(alarms(table))
    ends = ["cut: stopped", "failed: failed: CUDA out", "early: stopped before its", "barren: failed before it"]
    for words in (*ends, "halted: stopped before its"):
        assert f"* {words}" in told
    counts = {row.name: row.figure(lambda run_: run_.seconds) for row in table.rows}
    assert counts["2, 3"] is not None
    assert counts["2, 3"].size == 2


def test_another_score_to_sort_by(four: Path) -> None:
    assert [row.name for row in table_of(four, sort="fd_digits").rows] == ["2, 3", "0, 1"]
    with pytest.raises(Mistake, match=r"sort=fd_digit: no run has such a score; did you mean val/fd_digits\?"):
        table_of(four, sort="fd_digit")


def test_models_differ_in_one_option_with_all_that_comes_with_them(four: Path) -> None:
    make(four / "other", 7.0, model_name="cyclegan", lambda_a=10.0, generator={"width": 4})
    names = [option.name for option in table_of(four).options]
    assert names == ["model_name", "model.generator_optimizer.lr"]


def test_a_part_that_other_runs_do_without_is_one_option(four: Path) -> None:
    """Null in one run and a class in another: one name, one column, one heading."""
    for place, part in enumerate([None, {"_target_": "a.Board"}, {"_target_": "a.Other"}]):
        make(four / f"more{place}", 7.0 + place, callback={"scoreboard": part})
    table = table_of(four)
    (option,) = [option for option in table.options if option.name == "callback.scoreboard"]
    assert option.short == "scoreboard"
    shown = {row.name: values(row, option) for row in table.rows}
    assert shown == {"2, 3": "–", "0, 1": "–", "more0": "null", "more1": "Board", "more2": "Other"}
    header = next(csv.reader(io.StringIO(as_csv(table))))
    assert len(header) == len(set(header))


@pytest.mark.parametrize("model", sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml")))
def test_a_run_has_the_axes_that_its_model_or_its_callbacks_refer_to(composed: Compose, model: str) -> None:
    """Of the copies in a stored configuration the same is said as of the references that they were."""
    cfg = composed(f"model={model}", *(["data=stripes"] if model == "cyclegan" else []))
    fill_in(cfg, {"model": model, "data": "some"}, run_dir="run", started_in=".")
    stored = leaves(yaml.safe_load(OmegaConf.to_yaml(cfg, resolve=True)))
    told = misfits(cfg, set(PARTS))
    assert told
    assert {f"{axis}=...: nothing in this composition uses it; leave it out" for axis in set(PARTS) - used(stored)} == {
        line for line in told if "nothing in this composition uses it" in line
    }


def test_a_model_that_has_no_objective_is_given_none(tmp_path: Path) -> None:
    for name in ("Hinge", "NonSaturating"):
        make(tmp_path / name, 5.0, objective={"_target_": name}, model={"critic": {"objective": {"_target_": name}}})
    make(tmp_path / "coder", 7.0, objective={"_target_": "Hinge"}, model={"width": 4}, model_name="autoencoder")
    table = table_of(tmp_path)
    (option,) = [option for option in table.options if option.name == "objective"]
    shown = {row.name: values(row, option) for row in table.rows}
    assert shown == {"Hinge": "Hinge", "NonSaturating": "NonSaturating", "coder": "–"}


def test_csv_has_a_line_for_each_run(four: Path) -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(table_of(four)))))
    assert [line["run"] for line in lines] == ["2", "3", "0", "1"]
    assert [line["configuration"] for line in lines] == ["1", "1", "2", "2"]
    assert {line["model.generator_optimizer.lr"] for line in lines} == {"0.01", "0.001"}
    (best,) = [name for name in lines[0] if name.startswith("best val/fd_digits #")]
    assert [float(line[best]) for line in lines] == [4.0, 6.0, 9.0, 11.0]


def test_the_page_needs_nothing_from_elsewhere(four: Path) -> None:
    text = page(table_of(four))
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:|#)[^"'\s>]+""", text)
    assert not re.findall(r"url\((?!#)|@import|<script|<link|<iframe", text)
    assert text.count("data:image/png;base64,") == 4
    assert text.count("<svg") == 2  # the score over images seen, and over the learning rate
    assert "images seen" in text


def test_the_first_row_stands_out_only_where_it_is_the_best(tmp_path: Path) -> None:
    places = {"scored": {"higher": False}, "undirected": {"higher": None, "name": "val/other"}, "unscored": {}}
    for place, words in places.items():
        for lr in (1.0, 2.0):
            make(tmp_path / f"{place}{lr}", lr, lr=lr, place=place, **words)
    for folder in tmp_path.glob("unscored*"):
        (folder / "results.json").write_text(json.dumps({"status": "finished"}), encoding="utf-8")
    tables = re.findall(r'<table class="([^"]*)">.*?<span class="dot"[^>]*>([^<]*?)\d', page(table_of(tmp_path)), re.S)
    assert tables == [("figures ranked", "scored"), ("figures", "undirected"), ("figures", "unscored")]


def test_the_page_has_room_for_why_a_run_failed_and_a_terminal_ends_with_a_word(four: Path) -> None:
    reason = f"failed: {'memory ran out, ' * 20}so take fewer"
    make(four / "failed", 1.0, lr=3.0, status=reason)
    table = table_of(four)
    assert reason in page(table)
    assert reason in as_csv(table)
    line = next(line for line in printed(table).splitlines() if line.startswith("* failed: "))
    start, more = line.removesuffix("…").rstrip(), line.endswith("…")
    assert more
    assert f"* failed: {reason} ".startswith(f"{start} ")


def _hostile(folder: Path) -> None:
    make(folder / "good", 5.0)
    evil = "<script>alert(1)</script>\x1b[31m$\\frac"
    make(folder / "<b>name", 6.0, lr=2.0, protocol={evil: evil, "extractor": 5}, model_name=evil, option=evil)
    score = {"best": float("-inf"), "last": True, "protocol": [1]}
    numbers = {"val/fd_digits": score, "val/x": 3, "=1+1": {"best": 1e999}, evil: {"best": 2, "higher_is_better": "x"}}
    results = {"status": evil, "scores": numbers, "train_seconds": "x", "images_per_second": 10**400}
    (make(folder / "numbers", 1.0, lr=3.0) / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (make(folder / "deep", 1.0, lr=4.0) / "results.json").write_text("[" * 100_000, encoding="utf-8")
    (make(folder / "bytes", 1.0, lr=5.0) / "results.json").write_bytes(b"\xff\xfe\x00")
    (make(folder / "list", 1.0, lr=6.0) / "results.json").write_text("[]", encoding="utf-8")
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
    (make(folder / "laughs", 1.0, lr=7.0) / "config.yaml").write_text(bomb, encoding="utf-8")
    tag = "a: !!python/object/apply:os.system [touch pwned]\n"
    (make(folder / "tag", 1.0, lr=8.0) / "config.yaml").write_text(tag, encoding="utf-8")
    huge = make(folder / "huge", 1.0, lr=9.0)
    with (huge / "results.json").open("wb") as stream:
        stream.truncate(5_000_000)
    (huge / "metrics.csv").write_text(
        'epoch,images_seen,val/fd_digits\n1,x,"\nnan,inf,nan\n1,2,3,4,5\n', encoding="utf-8"
    )
    (huge / "samples" / "epoch_9999.png").symlink_to("/etc/passwd")
    (huge / "samples" / "epoch_9998.png").write_bytes(b"GIF89a" + bytes(100))


def test_hostile_files_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _hostile(tmp_path / "runs")
    table = table_of(tmp_path / "runs")
    text, shown, told = page(table), printed(table), as_csv(table)
    assert not (tmp_path / "pwned").exists()
    for outcome in (text, shown, told):
        assert "\x1b" not in outcome
    assert "<script" not in text
    assert "<b>name" not in text
    assert "root:" not in text
    assert not re.search(r"^=|,=", told, flags=re.MULTILINE)
    for name in ("deep", "bytes", "list", "laughs", "tag", "huge"):
        assert f"* {name}: unreadable" in "\n".join(alarms(table))


def test_numbers_and_text_from_strangers() -> None:
    assert [number(value) for value in (1, 1.5, True, "1", None, float("nan"), float("inf"), 10**999)] == [
        1.0,
        1.5,
        *[None] * 6,
    ]
    assert clean("a\x00\u202eb\n" + "x" * 200, 8) == "a\ufffd\ufffdb\ufffdxx…"


def test_what_there_is_to_compare(tmp_path: Path, four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(find(["sweep"])) == len(find(["sw*/*"])) == len(find(["."])) == 4
    assert find(["sweep/0", "sweep/0/config.yaml", str(four / "0")]) == [four / "0"]
    for place, words in (("nothing", "there is no such folder"), ("no*", "there is no such folder")):
        with pytest.raises(Mistake, match=words):
            find([place])
    (tmp_path / "empty").mkdir()
    with pytest.raises(Mistake, match="empty: there is no run"):
        find(["empty"])


def test_places_are_what_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=3").mkdir()
    words = ["a b", "sort=x", "lr=3", "out/lr=0.1", "hydra/job_logging=none", 'quo"te']
    assert with_places(words, "runs") == [
        "sort=x",
        "hydra/job_logging=none",
        'runs=["a b","lr=3","out/lr=0.1","quo\\"te"]',
    ]
    with pytest.raises(Mistake, match=r"runs=\[b\] and a: name all of them in one way"):
        with_places(["a", "runs=[b]"], "runs")


def test_the_verb_writes_both_files(
    four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("compare", ["sweep/*", "sort=val/fd_digits", "output=made"]) == 0
    assert "5 ± 1.4 (2)" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "made").iterdir()} >= {"compare.csv", "compare.html"}
    assert run("compare", ["sweep", "sort=val/fid"]) == 2
    assert "sort=val/fid: no run has such a score" in capsys.readouterr().err
    assert run("compare", []) == 2
    assert "name the runs to compare" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_it_answers_without_torch(four: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from atelier.cli import run; status = run('compare', ['sweep', 'output=made']);"
        "heavy = sorted({'torch', 'wandb', 'pytorch_lightning'} & set(sys.modules)); sys.exit(str(heavy or status))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("0"), done.stderr


def test_one_folder_by_name_is_one_place(four: Path) -> None:
    cfg = OmegaConf.create({"runs": str(four), "sort": "fd_digit"})
    (told,) = preflight(cfg)
    assert "no run has such a score" in told
