"""Every command that README.md and docs/ tell people to type is run here, on made-up data and in seconds.

RULES says how a command is shortened; NOT_RUN which ones are not run and why (their words are checked all the same).
A command that neither knows fails: add a line where it belongs.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import made_up
from atelier.cli import run
from atelier.cli.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNERS = ("python -m uv run ", "uv run ", "python ")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's loggers and exporters warn

SHORT = (
    "trainer=cpu trainer.max_epochs=1 trainer.check_val_every_n_epoch=1 "
    "trainer.limit_train_batches=2 trainer.limit_val_batches=2"
)
TRANSLATED = f"{SHORT} generator.width=4 discriminator.width=4 data.image_size=64 data.load_size=70"
NARROW = f"{TRANSLATED} callback.scoreboard=null"
SMALL = f"{SHORT} data.subset=64 data.batch_size=32 data.eval_batch_size=32"
# The networks of the small run from which fine-tuning begins.
PLAIN = (
    "model=dcgan condition=label latent=normal model.generator.width=4 model.critic.network.width=32 data.channels=1 "
    "data.image_size=32 data.facts.labels=true data.facts.num_classes=10"
)
UNPAIRED = "horse2zebra|summer2winter|monet2photo|cezanne2photo|vangogh2photo|ukiyoe2photo"

# (pattern in the command, what is added: a word of the same name is replaced). The first that matches counts.
RULES: list[tuple[str, str]] = [
    (r"train\.py .*--", ""),
    (r"train\.py .*resume=", "trainer.max_epochs=2"),
    (r"train\.py -m .*search=sparse_rho", f"{SMALL} hydra/launcher=basic sparsity.rho=0.05 sparsity.weight=3"),
    (r"train\.py -m .*search=cyclegan_weights", f"{NARROW} hydra/launcher=basic hydra.sweeper.n_trials=1"),
    (r"train\.py -m .*optuna", f"{SMALL} hydra/launcher=basic hydra/sweeper/pruner=none hydra.sweeper.n_trials=1"),
    (r"train\.py -m .*launcher\.jobs=2", f"{SMALL} seed=1"),  # a process for each of two jobs
    (r"train\.py -m .*mnist", f"{SMALL} data.root={{idx}} hydra/launcher=basic"),
    (r"train\.py -m ", f"{SMALL} hydra/launcher=basic"),
    (r"train\.py .*(?=.*horse2zebra)(?=.*init_from=)", f"{NARROW} data.root={{domains}} generator=resnet_6blocks"),
    (r"train\.py .*compile=true", f"{NARROW} data.root={{domains}} generator.blocks=1 discriminator.layers=1"),
    (rf"train\.py .*(cyclegan_({UNPAIRED})|data=({UNPAIRED}))", f"{NARROW} data.root={{domains}}"),
    (r"train\.py .*apple2orange64.*extractor", f"{TRANSLATED} data.root={{domains}} extractor.weights={{coloured}}"),
    (r"train\.py .*unpaired_folder|train\.py .*cyclegan_apple2orange64", f"{NARROW} data.root={{domains}}"),
    (r"train\.py .*stripes", f"{NARROW} data.load_size=64 data.source.train=8 data.source.test=24"),
    (r"train\.py .*data=image_folder.*init_from=", f"{SMALL} {PLAIN} data.root={{labelled}} callback.scoreboard=null"),
    (
        r"train\.py .*init_from=<run",
        f"{SMALL} model=dcgan data=digits condition=label latent=normal model.generator.width=4",
    ),
    (r"train\.py .*data=image_folder.*scoreboard", f"{SMALL} data.root={{labelled}}"),
    # Ten parts of a test split of eight pictures are more than it has.
    (r"train\.py .*data=image_folder.*classifier", f"{SMALL} data.root={{labelled}} metric.inception_score=null"),
    (r"train\.py .*data=image_folder", f"{SMALL} data.root={{labelled}} callback.scoreboard=null"),
    (r"train\.py .*mnist.*extractor=classifier", f"{SMALL} data.root={{idx}} extractor.weights={{grey}}"),
    (r"train\.py .*data=fashion_mnist", f"{SMALL} data.root={{idx}} callback.scoreboard=null"),
    (r"train\.py .*mnist", f"{SMALL} data.root={{idx}}"),
    (r"train\.py .*webdataset", f"{SHORT} data.batch_size=32 data.eval_batch_size=32"),
    (r"train\.py .*ring", f"{SHORT}"),
    (r"train\.py .*sparse_autoencoder_patches", f"{SHORT}"),
    (r"train\.py", SMALL),
    (r"evaluate\.py", "samples=64"),
    (r"sample\.py", "samples=12"),
    (r"(encode|reconstruct)\.py", ""),
    (r"translate\.py", ""),
    (r"export\.py", ""),
    (r"compare\.py", ""),
    (r"dashboard\.py", "file=workspaces.json"),
    (r"extractor\.py .*unpaired_folder", "data.root={domains} epochs=1"),
    (r"extractor\.py .*image_folder", "data.root={labelled} epochs=1"),
    (r"extractor\.py .*mnist", "data.root={idx} epochs=1"),
    (r"benchmarks/rho_sweep\.py", ""),
]

# (pattern, why it is not run here, but composed and checked where it is one of our verbs)
NOT_RUN: list[tuple[str, str]] = [
    (r"uv sync|pip wheel|pip install(?! uv &&)|mkdocs", "needs the network; installs or builds pages"),
    (
        r"^(uv run )?(--no-sync )?pytest|^(uv run )?(ruff|mypy|lint-imports)",
        "the tests themselves: that the files exist is checked",
    ),
    (r"torchrun|srun|trainer=ddp", "several devices or processes: tests/test_ranks.py"),
    (r"data=celeba|data=cifar10|cifar10", "needs a download of 170 MB and more"),
    (r"data=maps|data=facades|data=apple2orange\b", "needs a download"),
    (r"extractor=inception", "needs a download: Inception's weights"),
    (r"serve\.py", "serves until it is stopped: tests/test_page.py"),
    (r"benchmarks/(?!rho_sweep)", "takes minutes and the whole machine"),
    (r"<url>|https?://|postgresql", "needs a server"),
]


class Command(NamedTuple):
    """text: as printed, without its comment. page: where."""

    text: str
    page: str


def commands() -> list[Command]:
    """Those of bash blocks, and those in code spans of sentences and tables, each once."""
    found: dict[str, Command] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if told := re.split(r"(?:^|\s)#", line)[0].strip():
                    found.setdefault(_plain(told), Command(_plain(told), page.name))
        spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for span in (" ".join(span.split()) for span in spans):
            if span.startswith(tuple(f"{runner}{place}" for runner in RUNNERS for place in ("src/", "benchmarks/"))):
                found.setdefault(_plain(span), Command(_plain(span), page.name))
    return list(found.values())


def _plain(text: str) -> str:
    """Without what only starts it: one of our scripts, or what else is typed."""
    text = " ".join(text.split()).removeprefix("python -m pip install uv && ")
    for runner in RUNNERS:
        if text.startswith((f"{runner}src/", f"{runner}benchmarks/")):
            return text.removeprefix(runner)
    return text


class World(NamedTuple):
    """A folder as people have it, with small runs. runs: of every family."""

    folder: Path
    runs: dict[str, Path]
    values: dict[str, str]

    def fresh(self, family: str) -> Path:
        """A copy of a run, to be changed."""
        place = self.folder / "outputs" / f"{family}-again"
        return shutil.copytree(self.runs[family], place / str(len(list(place.glob("*")))))


TINY = {
    "dcgan": f"model=dcgan data=digits condition=label latent=normal model.generator.width=4 {SMALL}",
    "autoencoder": f"model=autoencoder data=digits {SMALL}",
    "cyclegan": f"model=cyclegan data=stripes generator=resnet_6blocks {NARROW} data.load_size=64 "
    "data.source.train=4 data.source.test=24",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    made = {name: getattr(made_up, name)(folder / "data" / name) for name in ("labelled", "domains", "idx", "shards")}
    (folder / "shards").symlink_to(made["shards"])
    for name in ("photos", "pictures", "my/pictures", "datasets/horse2zebra/testA", "datasets/horse2zebra/testB"):
        made_up.pictures(folder / name, 2, 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runs = {name: folder / "outputs" / f"{name}-digits" / "2026-01-01_12-00-00" for name in TINY}
        for name, words in TINY.items():
            assert run("train", [*words.split(), f"hydra.run.dir={runs[name]}"]) == 0
        shutil.copytree(runs["dcgan"].parent, folder / "outputs" / "sweeps" / "time")
        reference = ["format=reference", "output=checkpoints/horse2zebra"]
        assert run("export", [f"ckpt={runs['cyclegan']}", *reference]) == 0
        for name, file in (("latest_net_G_A", "A"), ("latest_net_G_B", "B"), ("horse2zebra", "A")):
            shutil.copy(folder / f"checkpoints/horse2zebra/latest_net_G_{file}.pth", folder / f"{name}.pth")
        words = ["epochs=1", "data=image_folder", f"data.root={made['labelled']}"]
        facts = ["data.facts.labels=true", "data.facts.num_classes=10"]
        assert run("extractor", [*words, *facts, "hydra.run.dir=coloured"]) == 0
        assert run("extractor", ["epochs=1", "data=mnist", f"data.root={made['idx']}", "hydra.run.dir=grey"]) == 0
        values = {name: str(path) for name, path in made.items()}
        values |= {name: str(next((folder / name).glob("*.pt"))) for name in ("coloured", "grey")}
        yield World(folder, runs, values)


def family(text: str) -> str:
    """Whose run a command means."""
    if re.search(r"translate\.py|format=reference|cyclegan|direction=", text):
        return "cyclegan"
    return "autoencoder" if re.search(r"(encode|reconstruct)\.py", text) else "dcgan"


def _words(text: str, extra: str, world: World) -> list[str]:
    """The words of a command, with placeholders filled in and ``extra`` in the place of their namesakes."""
    text = re.sub(r"<(?:\w+ )?run(?: folder)?>|<other run>", lambda _: str(world.fresh(family(text))), text)
    text = text.replace("outputs/sweeps/<time>", "outputs/sweeps/time")
    text = text.replace("extractor.weights=...", f"extractor.weights={world.values['coloured']}")
    text = re.sub(r"ckpt=\.\.\.", lambda _: f"ckpt={world.fresh(family(text))}", text)
    text = text.replace("data.root=...", f"data.root={world.values['labelled']}")
    words = shlex.split(text)[1:]
    added = shlex.split(extra.format(**world.values))
    named = {word.partition("=")[0] for word in added}
    return [word for word in words if word.partition("=")[0] not in named] + added


def _matching(text: str, table: list[tuple[str, str]]) -> str | None:
    return next((told for pattern, told in table if re.search(pattern, text)), None)


COMMANDS = commands()


@pytest.mark.parametrize("command", COMMANDS, ids=[one.text[:70] for one in COMMANDS])
def test_a_command_of_the_pages(
    command: Command, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world.folder)
    text = command.text
    script = re.search(r"(?:^|\s)(src|benchmarks)/(\w+)\.py", text)
    if script:
        assert (ROOT / script[1] / f"{script[2]}.py").exists(), text
    reason, extra = _matching(text, NOT_RUN), _matching(text, RULES)
    if reason is not None:
        if script and script[1] == "src" and "--" not in text.split(".py", 1)[1]:
            words = _words(text[script.start(1) :], "", world)
            assert run(script[2], [*(word for word in words if word != "-m"), "--cfg", "job"]) == 0, capfd.readouterr()
        for file in re.findall(r"tests/\S+\.py", text):
            assert (ROOT / file).exists()
        return
    assert script and extra is not None, f"{command.page}: no rule of tests/test_commands.py covers: {text}"
    words = _words(text, extra, world)
    if script[2] == "translate":  # pages name one folder again and again, which holds translations of one kind
        for output in (word.removeprefix("output=") for word in words if word.startswith("output=")):
            shutil.rmtree(world.folder / output, ignore_errors=True)
    if script[1] == "src":
        folder = "hydra.sweep.dir" if "-m" in words else "hydra.run.dir"
        free = script[2] == "train" and "resume=" not in text
        place = [f"{folder}={tmp_path / 'made'}"] if free else []
        words = [word for word in words if not (free and word.startswith(f"{folder}="))]
        assert run(script[2], [*words, *place]) == 0, f"{command.page}: {text}\n{capfd.readouterr().err}"
    else:
        _run_benchmark(script[2], words, capfd)


def _run_benchmark(name: str, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Those that only read runs."""
    import runpy
    import sys

    file = ROOT / "benchmarks" / f"{name}.py"
    assert run("train", f"-m {SMALL} experiment=sparse_autoencoder_digits sparsity.rho=0.05,0.1 {_BASIC}".split()) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(file), *words])
        try:
            runpy.run_path(str(file), run_name="__main__")
        except SystemExit as leaving:
            assert not leaving.code, capfd.readouterr()


_BASIC = "hydra/launcher=basic hydra.sweep.dir=outputs/rho"


def test_every_verb_stands_in_the_pages() -> None:
    said = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [verb for verb in VERBS if f"src/{verb}.py" not in said] == []
