"""Wrong command lines: each one is answered by its own words, ends with 2 and leaves nothing behind."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from atelier.cli import run

# (the words, fragments of the answer)
TRAIN: list[tuple[str, list[str]]] = [
    # typos
    ("modle=dcgan", ["modle=dcgan", "did you mean model?"]),
    ("model=dcgann", ["model=dcgann", "did you mean dcgan?"]),
    ("experiment=typo", ["experiment=typo", "dcgan_cifar10"]),
    ("data.batchsize=3", ["data.batchsize=3", "did you mean batch_size?"]),
    ("a.b.c=1", ["there is no option a.b.c"]),
    ("ckpt=text.ckpt", ["there is no option ckpt"]),
    ("ckp=text.ckpt", ["there is no option ckp", "did you mean init_from?"]),
    ("devic=cpu", ["there is no option devic", "did you mean trainer.accelerator?"]),
    ("foo", ["'foo' is no override", "key=value"]),
    ("=1", ["'=1' is no override"]),
    ("日本=1", ["'日本=1' is no override"]),
    ("data=ünïcödé", ["there is no data called ünïcödé", "digits"]),
    ("picture=gird", ["picture=gird", "did you mean grid?"]),
    ("hydra/launcher=null", ["hydra/launcher=null", "leave hydra/launcher out"]),
    ("hydra/sweeper=3", ["there is no hydra/sweeper called 3"]),
    ("+network=null", ["+network=null", "leave out the +: network=null"]),
    ("hydra/launcher=foo", ["there is no hydra/launcher called foo", "basic"]),
    ("hydra/sweeper=optun", ["there is no hydra/sweeper called optun", "did you mean optuna?"]),
    ("hydra/swepper=optuna", ["there is no hydra/swepper", "did you mean hydra/sweeper?"]),
    ("hydra/launcher=[basic]", ["hydra/launcher=[basic]", "choose one"]),
    ("+hydra/sweeper=optuna", ["+hydra/sweeper=optuna", "leave out the +"]),
    ("hydra/sweeper=optuna hydra/sweeper/sampler=tp", ["called tp", "did you mean tpe?"]),
    ("hydra/sweeper/sampler=tpe", ["hydra/sweeper/sampler=tpe: only hydra/sweeper=optuna has"]),
    ("hydra.run.dri=x", ["there is no option hydra.run.dri", "did you mean dir?"]),
    ("hydra.rn.dir=x", ["there is no option hydra.rn.dir", "did you mean hydra.run.dir?"]),
    ("hydra.run=x", ["hydra.run=x", "options of its own (dir)"]),
    ("hydra.job.chdir=x", ["hydra.job.chdir=x", "true or false"]),
    ("hydra.run.dir=null", ["hydra.run.dir=null", "a word, not null"]),
    ("~hydra.run.dir", ["~hydra.run.dir", "cannot be taken away"]),
    ("+hydra.run.dir=x", ["+hydra.run.dir=x", "is there already; leave out the +: hydra.run.dir=x"]),
    ("+hydra.rn.dir=x", ["there is no option hydra.rn.dir", "did you mean hydra.run.dir?"]),
    ("hydra.job.env_set=3", ["hydra.job.env_set=3", "+hydra.job.env_set.<name>=<value>"]),
    ("hydra=x", ["hydra=x", "one by one"]),
    ("hydra.job.env_set.A=1", ["hydra.job.env_set.A=1", "to add it, write +hydra.job.env_set.A=1"]),
    ("-m seed=1,2 hydra.sweeper.ntrials=3 hydra/sweeper=optuna", ["hydra.sweeper.ntrials", "did you mean n_trials?"]),
    ("-m seed=1,2 +hydra.sweeper.foo=1", ["+hydra.sweeper.foo=1: nothing reads hydra.sweeper.foo", "params"]),
    ("resume=whole hydra.rn.dir=x", ["there is no option hydra.rn.dir", "did you mean hydra.run.dir?"]),
    ("--nosuchflag", ["--nosuchflag", "without dashes"]),
    ("--lr 3", ["--lr", "without dashes"]),
    ("--cfg jobb", ["--cfg jobb", "did you mean job?"]),
    ("--cfg", ["--cfg wants a word after it", "job"]),
    ("--halp", ["--halp", "did you mean --help?"]),
    ("--hel", ["--hel", "did you mean --help?"]),
    ("-help", ["-help", "did you mean --help?"]),
    ("--verison", ["--verison", "did you mean --version?"]),
    ("--seed=3", ["--seed=3", "without dashes, as in seed=3"]),
    ("--config-name foo --config-dir nowhere", ["2 mistakes:", "--config-name", "--config-dir nowhere"]),
    ("-m seed=1,2 --cfg job", ["--multirun and --cfg", "one at a time"]),
    ("--config-name foo", ["--config-name", "--config-dir"]),
    ("--config-dir nowhere", ["--config-dir nowhere", "no such folder"]),
    # one too many or too few
    ("+foo=1", ["+foo=1", "nothing reads foo"]),
    ("++foo=1", ["++foo=1", "nothing reads foo"]),
    ("+seed=3", ["+seed=3", "leave out the +: seed=3"]),
    ("+model.generator.foo=1", ["model.generator.foo", "DCGANGenerator takes no foo", "width"]),
    ("+experiment=dcgan_mnist", ["+experiment=dcgan_mnist", "leave out the +"]),
    ("~model", ["~model", "cannot go without"]),
    ("~augment", ["~augment", "did you mean none?"]),
    ("model=", ["model=", "dcgan"]),
    ("model=null", ["model=null", "dcgan"]),
    ("data=[digits,mnist]", ["data=[digits,mnist]", "choose one data"]),
    ("callback=[]", ["callback=[]", "at least one"]),
    ("extractor=classifier", ["extractor.weights is missing"]),
    ("callback.clock=null", ["callback.clock is missing"]),
    ("run_dir=here", ["run_dir", "hydra.run.dir"]),
    # types
    ("seed=abc", ["seed=abc", "a whole number"]),
    ("seed=null", ["seed=null", "a whole number"]),
    ("seed=${nope}", ["seed refers to ${nope}"]),
    ("data.batch_size=lots", ["data.batch_size=lots", "a whole number"]),
    ("data.batch_size=1.5", ["data.batch_size=1.5", "a whole number"]),
    ("data.flip=yes", ["data.flip=yes", "true or false"]),
    ("data.classes=3", ["data.classes=3", "a list"]),
    ("model.critic=3", ["model.critic=3", "options of its own"]),
    ("model.critic.spectral_norm=maybe", ["model.critic.spectral_norm=maybe", "true or false"]),
    ("model.generator_optimizer.lr=fast", ["model.generator_optimizer.lr=fast", "a number"]),
    ("model.generator_optimizer.betas=0.5", ["model.generator_optimizer.betas=0.5", "a list"]),
    ("trainer.max_time=1h", ["trainer.max_time=1h", "DD:HH:MM:SS"]),
    (
        "experiment=autoencoder_digits network=conv",
        ["network.hidden: ConvAutoencoder takes no hidden", "experiment=autoencoder_digits sets it: ~network.hidden"],
    ),
    ("trainer.precision=17", ["trainer.precision=17", "bf16-mixed"]),
    # values
    ("seed=-1", ["seed=-1", "from 0"]),
    ("data.batch_size=0", ["data.batch_size=0", "1 or more"]),
    ("data.workers=-2", ["data.workers=-2", "0 or more"]),
    ("data.subset=100000", ["data.subset=100000", "1,442"]),
    ("data.classes=[11]", ["data.classes=[11]", "0 to 9"]),
    ("trainer.max_epochs=0", ["trainer.max_epochs=0", "at least one epoch"]),
    ("trainer.max_epochs=null", ["trainer.max_epochs=null", "at least one epoch"]),
    ("trainer.devices=0", ["trainer.devices=0"]),
    ("trainer.accelerator=quantum", ["trainer.accelerator=quantum", "cpu"]),
    ("latent.dim=0", ["latent.dim=0"]),
    ("data=digitz metric.kernel.subsets=0", ["did you mean digits?", "atelier: metric.kernel.subsets=0: "]),
    # what Lightning's trainer would refuse once the run has begun, or pass over
    ("+trainer.max_steps=100", ["trainer.max_steps=100", "trainer.max_epochs"]),
    ("+trainer.fast_dev_run=true", ["trainer.fast_dev_run=true", "trainer.limit_train_batches=2"]),
    ("+trainer.overfit_batches=2", ["trainer.overfit_batches=2", "data.subset=64"]),
    ("+trainer.barebones=true", ["trainer.barebones=true", "callback.gallery=null"]),
    ("+trainer.enable_checkpointing=false", ["trainer.enable_checkpointing=false", "callback.checkpoints=null"]),
    ("+trainer.logger=false", ["trainer.logger=false", "logger=[csv,tensorboard]"]),
    ("+trainer.callbacks=[]", ["trainer.callbacks=[]", "callback="]),
    ("+trainer.default_root_dir=here", ["trainer.default_root_dir=here", "hydra.run.dir"]),
    ("+trainer.gradient_clip_val=0.5", ["trainer.gradient_clip_val=0.5", "model.clip=0.5"]),
    ("+trainer.accumulate_grad_batches=4", ["trainer.accumulate_grad_batches=4", "model.parts=4"]),
    ("model.ema.decay=1.5", ["model.ema.decay=1.5", "[0, 1)"]),
    ("model.generator_optimizer.lr=-1", ["model.generator_optimizer.lr=-1"]),
    ("model.discriminator_turns=0", ["model.discriminator_turns=0"]),
    ("model.clip=0", ["model.clip=0", "null turns clipping off"]),
    ("schedule=cosine schedule.epochs=0", ["schedule.epochs=0", "at least 1"]),
    ("model._target_=os.system", ["model._target_", "os.system"]),
    ("model.generator._target_=torch.os.system", ["model.generator._target_", "torch.os.system"]),
    # pieces that do not fit
    ("regularizer=gradient_penalty", ["regularizer=gradient_penalty", "BatchNorm", "model.critic.network.norm=null"]),
    ("condition=label data=celeba", ["condition=label", "labels"]),
    ("model=sngan data=mnist", ["data.image_size=28", "32"]),
    ("data.image_size=33", ["data.image_size=33", "32"]),
    ("extractor=points", ["extractor", "1024"]),
    ("trainer.precision=bf16-true", ["trainer.precision=bf16-true", "bf16-mixed"]),
    ("metric=modes", ["metric.modes.modes", "${data.source.modes}"]),
    ("callback.gallery=null picture=scatter", ["picture=...", "nothing in this composition uses"]),
    ("data.facts.kind=unpaired", ["unpaired", "single", "data="]),
    ("data=stripes", ["unpaired", "single", "try data=digits or data=patches or data=ring"]),
    ("model=cyclegan data=digits", ["single", "try data=stripes or data=unpaired_folder or data="]),
    ("trainer.max_epochs=null schedule=linear_decay", ["schedule.hold", "trainer.max_epochs"]),
    # files and folders
    ("data=image_folder data.root=empty extractor=digits", ["data.root=empty", "no JPEG, PNG or WebP"]),
    ("data=image_folder data.root=text.ckpt extractor=digits", ["data.root=text.ckpt", "a file"]),
    ("data=image_folder 'data.root=Übung (1)' extractor=digits", ["data.root=Übung (1)", "no such folder"]),
    ("data=image_folder data.root=a,b", ["data.root=a,b", "add -m", "quotes"]),
    ("extractor=classifier extractor.weights=nowhere.pt", ["extractor.weights=nowhere.pt", "digits, mnist"]),
    ("extractor=classifier extractor.weights=text.ckpt", ["extractor.weights=text.ckpt", "no classifier"]),
    ("init_from=nowhere", ["init_from=nowhere", "no such file"]),
    ("init_from=text.ckpt", ["init_from=text.ckpt", "not a checkpoint"]),
    ("init_from=half.ckpt", ["init_from=half.ckpt", "damaged"]),
    ("init_from=empty", ["init_from=empty", "best.ckpt"]),
    ("init_from=", ["init_from=", "name a checkpoint"]),
    ("hydra.run.dir=text.ckpt", ["hydra.run.dir=text.ckpt", "file of that name"]),
    ("hydra.run.dir=text.ckpt/below", ["hydra.run.dir=text.ckpt/below", "cannot be written to"]),
    ("hydra.run.dir=", ["hydra.run.dir=", "no folder is named"]),
    # sweeps
    ("seed=1,2", ["seed=1,2", "add -m", "one list is written seed=[1,2]"]),
    ("model.ema.decay=${seed", ["model.ema.decay=", "cannot be set"]),
    ("-m seed=1,x", ["seed=x", "a whole number"]),
    ("-m model=gan,dcgn", ["model=dcgn", "did you mean dcgan?"]),
    ("-m seed=1,2 hydra.sweep.dir=text.ckpt", ["hydra.sweep.dir=text.ckpt", "file of that name"]),
    (
        "-m seed=range(3,3) data=mnst",
        ["2 mistakes:", "seed=range(3,3)", "no number in this range", "did you mean mnist?"],
    ),
    ("-m model=glob(*gan)", ["model=glob(*gan)", "list the values: model=a,b"]),
    ("-m seed=interval(0,1)", ["seed=interval(0,1)", "list values"]),
    ("hydra.verbose=3", ["hydra.verbose=3", "true, false, or the loggers"]),
    ("-m hydra/sweeper=optuna modl.lr=interval(0,1)", ["modl.lr=interval(0,1): there is no option modl.lr; did you"]),
    ("-m sed=1,2 model.foo=3,4,5", ["2 mistakes:", "sed=1,2: there is no option sed;", "model.foo=3,4,5: there is no"]),
    ("-m seed=1,2 +trainers.x=3,4", ["+trainers.x=3,4: nothing reads trainers.x"]),
    ("-m regularizer=r1,null", ["regularizer=null", "did you mean none?"]),
    ("-m logger=csv,null", ["logger=null", "logger=[] among the values"]),
    ("-m hydra/launcher=basic,null seed=1,2", ["hydra/launcher=null", "leave hydra/launcher out"]),
    ("-m ~hydra/launcher seed=1,2", ["~hydra/launcher", "cannot go without"]),
    ("-m seed=1,2 hydra.launcher.jobs=0", ["hydra.launcher.jobs=0: at least 1"]),
    (
        "-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.n_trials=0 hydra.sweeper.n_jobs=x hydra.sweeper.direction=up",
        [
            "3 mistakes:",
            "n_trials=0: at least 1",
            "n_jobs=x: ",
            "a whole number",
            "direction=up: ",
            "minimize, maximize",
        ],
    ),
    ("-m seed=1,2 hydra/sweeper=optuna +hydra.sweeper.sampler.foo=1", ["TPESampler takes no foo"]),
    # where a search keeps its trials
    ("-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlit:///a.db", ["storage=sqlit:", "sqlite:///file.db"]),
    ("-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlite:///:memory:", ["null keeps trials in memory"]),
    (
        "-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlite:///theirs.db",
        ["table version_info is another"],
    ),
    (
        "-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlite:///studies.db",
        ["table studies is another"],
    ),
    ("-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=a.db", ["storage=a.db: ", "written sqlite:///a.db"]),
    ("-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlite:///text.ckpt", ["file is not a database"]),
    ("-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=sqlite:///text.ckpt/a.db", ["cannot be written to"]),
    (
        "-m seed=1,2 hydra/sweeper=optuna hydra.sweeper.storage=postgresql+psycopg://me:key@localhost:port/db",
        ["storage=postgresql+psycopg:...: no address of a database"],
    ),
    # several at once
    (
        "model=null objective=hinges data.batchsize=3 seed=x",
        ["4 mistakes:", "model=null", "did you mean hinge?", "data.batchsize=3", "seed=x"],
    ),
    (
        "seed=a data.batch_size=-3 trainr.max_epochs=2",
        ["2 mistakes:", "seed=a", "trainr.max_epochs=2", "atelier: data.batch_size=-3: must be 1 or more"],
    ),
    (
        "model=cyclegn model.identity=-1 data.batch_size=-3 optimm.lr=1",
        ["2 mistakes:", "did you mean cyclegan?", "optimm.lr=1", "2 more mistakes:", "model.identity=-1: a weight"],
    ),
    (
        "trainer.max_epochs=x latent.dim=0 model.generator_optimizer.lr=-1 data.batchsize=3",
        ["atelier: data.batchsize=3", "3 more mistakes:", "max_epochs=x", "latent.dim=0", "optimizer.lr=-1"],
    ),
    ("regularizer=gradient_penalty latent.dim=0", ["with BatchNorm", "atelier: latent.dim=0"]),
    ("init_from=nowhere dat.x=3", ["there is no option dat.x", "atelier: init_from=nowhere: there is no such"]),
    (
        "-m model=glob(*gan) sed=1 data.batch_size=0",
        ["2 mistakes:", "list the values", "mean seed?", "atelier: data.batch_size=0: "],
    ),
    ("-m model=gan,dcgn data.batch_size=8,-3", ["did you mean dcgan?", "atelier: data.batch_size=-3: "]),
    (
        "trainer.max_epochs=0 data.batch_size=-1 latent.dim=0 init_from=nowhere",
        ["trainer.max_epochs=0", "data.batch_size=-1", "latent.dim=0", "init_from=nowhere"],
    ),
]
OTHERS: list[tuple[str, list[str]]] = [
    ("evaluate", ["ckpt is missing", "ckpt=..."]),
    ("evaluate ckpt=", ["ckpt=", "name a checkpoint or a run's folder"]),
    ("evaluate ckpt=null", ["ckpt=null", "name a checkpoint"]),
    (
        "evaluate ckpt=~stranger/x.ckpt",
        ["ckpt=~stranger/x.ckpt", "no user stranger", "did you mean ~/stranger/x.ckpt?"],
    ),
    ("train resume=~stranger/run", ["resume=~stranger/run", "no user stranger"]),
    ("train model=gan data=image_folder data.root=~cats", ["data.root=~cats", "did you mean ~/cats?"]),
    ("evaluate ckpt=nowhere", ["ckpt=nowhere", "no such file"]),
    ("evaluate ckpt=text.ckpt samples=-1 split=tset", ["3 mistakes:", "samples=-1", "split=tset", "ckpt=text.ckpt"]),
    ("evaluate ckpt=good model=dcgan", ["there is no option model"]),
    ("evaluate ckpt=good outptu=made", ["outptu=made", "did you mean hydra.run.dir?"]),
    ("evaluate ckp=good", ["ckp=good", "did you mean ckpt?"]),
    (
        "evaluate smaples=3 ckpt=nowhere split=tset",
        ["atelier: smaples=3", "2 more mistakes:", "split=tset", "ckpt=nowhere"],
    ),
    ("sample ckp=good samples=-1", ["did you mean ckpt?", "atelier: samples=-1"]),
    ("sample checkpoint=good", ["checkpoint=good", "did you mean ckpt?"]),
    ("translate ckpt=good outptu=made", ["outptu=made", "did you mean output?"]),
    ("serve ckpt=good devic=cpu", ["devic=cpu", "did you mean device?"]),
    ("evaluate ckpt=good root=elsewhere", ["root=elsewhere", "embedded"]),
    ("evaluate ckpt=good extractor=typo", ["extractor=typo", "digits"]),
    ("sample ckpt", ["'ckpt' is no override"]),
    ("sample ckpt=empty", ["ckpt=empty", "best.ckpt"]),
    ("sample ckpt=half.ckpt", ["ckpt=half.ckpt", "damaged"]),
    ("sample ckpt=run=3/here", ["ckpt=run=3/here", "no such file"]),
    ("sample ckpt=text.ckpt samples=0 batch_size=null steps=1", ["samples=0", "batch_size=null", "steps=1"]),
    ("sample ckpt=good label=3", ["label=3", "condition=label"]),
    ("sample ckpt=good truncation=0.5", ["truncation=0.5", "latent=normal"]),
    ("sample ckpt=good rows=2 label=1 samples=3", ["label=1", "samples=3", "leave samples out"]),
    ("sample ckpt=good steps=5", ["steps=5", "rows="]),
    ("encode ckpt=good input=photos split=train root=data", ["split=train", "root=data", "input=photos"]),
    ("reconstruct ckpt=good split=validation", ["split=validation", "train and test"]),
    ("evaluate ckpt=good extractor=points", ["extractor", "1024"]),
    ("extractor data=ring", ["data", "points"]),
    ("extractor picture.facts.holds=points", ["draws points", "leave picture out"]),
    ("sample ckpt=good truncation=abc", ["truncation=abc", "a number"]),
    ("extractor epochs=0", ["epochs=0", "at least 1"]),
    ("extractor data=digts", ["data=digts", "did you mean digits?"]),
]


def _words(line: str) -> list[str]:
    """Split as a shell does, so far as the table needs it."""
    if "'" not in line:
        return line.split()
    before, quoted, after = line.split("'")
    return [*before.split(), quoted, *after.split()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """A folder with files that are no good, the checkpoints of a good run, and the whole of it."""
    place = tmp_path_factory.mktemp("desk")
    (place / "text.ckpt").write_text("hello", encoding="utf-8")
    (place / "empty").mkdir()
    with closing(sqlite3.connect(place / "theirs.db")) as database:
        database.execute("create table version_info (a int)")
        database.commit()
    with closing(sqlite3.connect(place / "studies.db")) as database:
        database.execute("create table studies (a int)")
        database.commit()
    shutil.copytree(trained / "checkpoints", place / "good")
    shutil.copytree(trained, place / "whole")
    whole = (trained / "checkpoints" / "last.ckpt").read_bytes()
    (place / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    return place


def _everything(desk: Path) -> dict[Path, bytes]:
    """All paths, with what is in databases."""
    return {path: path.read_bytes() if path.suffix == ".db" else b"" for path in desk.rglob("*")}


def _answer(
    line: str, desk: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    monkeypatch.chdir(desk)
    before = _everything(desk)
    verb, *words = _words(line)
    status = run(verb, words)
    said = capfd.readouterr()
    assert _everything(desk) == before, "something was left behind"
    assert "Traceback" not in said.err + said.out
    return status, said.err


@pytest.mark.parametrize(
    ("line", "fragments"),
    [(f"train {line}", fragments) for line, fragments in TRAIN] + OTHERS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_answered_in_its_own_words(
    line: str,
    fragments: list[str],
    desk: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, said = _answer(line, desk, capfd, monkeypatch)
    assert status == 2
    assert said.startswith("atelier: ")
    assert [fragment for fragment in fragments if fragment not in said] == [], said


def test_nothing_is_said_twice(desk: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (
        "-m seed=1,2 trainer.max_epochs=0",
        "trainer.max_epochs=x",
        "trainer.max_epochs=true",
        "model.generator_optimizer.lr=-1",
        "model.generator_optimizer.lr=[1]",
        "model.ema.decay=[1]",
        "latent.dim=0",
        "model=cyclegn model.identity=0 data=stripes",
        "model=xyz model.identity=0",
        "seed=1e30",
    ):
        _, said = _answer(f"train {words}", desk, capfd, monkeypatch)
        assert len(said.splitlines()) == 1, said


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        ("trainer.max_epoch=3 data.batchsize=3 seed=x", ["trainer.max_epoch=3: ", "data.batchsize=3: ", "seed=x: "]),
        (
            "init_from=here foo trainr.max_epochs=3",
            ["'foo' is no override", "init_from=here: ", "trainr.max_epochs=3: "],
        ),
    ],
)
def test_a_run_that_goes_on_is_told_of_every_mistake_on_a_line_of_its_own(
    words: str,
    begun: list[str],
    desk: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, said = _answer(f"train resume=whole {words}", desk, capfd, monkeypatch)
    head, *lines = said.splitlines()
    assert (status, head) == (2, "atelier: 3 mistakes:")
    assert [line.strip()[: len(start)] for line, start in zip(lines, begun, strict=True)] == begun
