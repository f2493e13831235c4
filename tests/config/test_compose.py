from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from atelier.config.build import build
from atelier.config.compose import _choices, compose
from atelier.config.dry_run import dry_run
from atelier.config.hints import ELSEWHERE
from atelier.config.override import quoted
from atelier.config.sweep import expand
from atelier.config.words import FILLED_IN, conf_dir

Compose = Callable[..., DictConfig]


def _objective(cfg: DictConfig) -> str:
    return str(cfg.model.critic.objective._target_).rpartition(".")[2]


def test_precedence_root_then_model_then_experiment_then_command_line(composed: Compose) -> None:
    assert _objective(composed()) == "NonSaturating"
    assert _objective(composed("model=sngan")) == "Hinge"
    assert _objective(composed("experiment=r3gan_cifar10")) == "Relativistic"  # its model chooses hinge
    assert _objective(composed("experiment=r3gan_cifar10", "objective=minimax")) == "Minimax"
    assert _objective(composed("objective=minimax", "model=sngan")) == "Minimax"


def test_precedence_holds_for_first_weights_and_single_options(composed: Compose) -> None:
    init = {words: composed(*words).model.initialize._target_ for words in ((), ("model=gan",))}
    assert init[()].endswith("Normal")
    assert init[("model=gan",)].endswith("Xavier")
    assert composed("model=gan", "init=orthogonal").model.initialize._target_.endswith("Orthogonal")
    assert composed("experiment=gan_mnist").data.batch_size == 128
    assert composed("experiment=gan_mnist", "data.batch_size=7").data.batch_size == 7


def test_the_data_chooses_what_scores_and_shows_it(composed: Compose) -> None:
    ring = composed("experiment=ring")
    assert ring.callback.scoreboard.extractor._target_.endswith("Points")
    assert ring.callback.gallery.picture._target_.endswith("Scatter")
    assert composed("data=mnist", "extractor=digits").extractor.weights == "digits"


EARLY = "pytorch_lightning.callbacks.early_stopping.EarlyStopping"


@pytest.mark.parametrize(
    "words",
    [
        [f"+callback.early._target_={EARLY}", "+callback.early.monitor=val/fd_digits", "+callback.early.patience=5"],
        [f"+callback.early={{_target_: {EARLY}, monitor: val/fd_digits, patience: 5}}"],
    ],
)
def test_a_further_part_stands_beside_those_that_are_all_built(composed: Compose, words: list[str]) -> None:
    early = build(composed(*words).callback.early)
    assert (early.monitor, early.patience) == ("val/fd_digits", 5)


@pytest.mark.parametrize(
    "word",
    [
        "+callback.early.monitor=val/fd_digits",  # of no part
        "+callback={}",
        f"+trainer.early._target_={EARLY}",
        f"+callback.progress.terms.early._target_={EARLY}",
        f"+early._target_={EARLY}",
    ],
)
def test_a_part_that_nobody_would_build_is_refused(word: str) -> None:
    cfg, mistakes = compose(conf_dir(), "train", [word])
    assert mistakes or (cfg is not None and dry_run(cfg))


def test_the_words_that_chose_are_filled_in(composed: Compose) -> None:
    cfg = composed("model=gan", "data=mnist")
    assert (cfg.model_name, cfg.data_name) == ("gan", "mnist")


@pytest.mark.parametrize("root", sorted(file.stem for file in conf_dir().glob("*.yaml")))
def test_a_root_lists_every_group_that_it_is_composed_of(root: str) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = dict(hydra_compose(root, return_hydra_config=True).hydra.runtime.choices)
    ours = {name: choice for name, choice in composed.items() if not name.startswith("hydra/")}
    listed = _choices(conf_dir(), root)
    assert listed.keys() == ours.keys()
    assert {name for name in ours if listed[name] is None} == {name for name in ours if ours[name] in (None, "null")}


@pytest.mark.parametrize(
    "words",
    [
        ["seed=4", "data.batch_size=7", "trainer.max_epochs=${seed}"],
        ["model=gan", "+model.clip=2.0", "++data.seed=3", "~model.ema"],
        ["data=stripes", "model=cyclegan", "model.generator_optimizer.betas=[0.1,0.2]", "hydra.run.dir=here"],
        ["latent.dim=3", "latent.dim=5", "trainer.max_time=00:01:00:00"],
    ],
)
def test_single_options_are_set_as_hydra_sets_them(words: list[str]) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        wanted = hydra_compose("train", words)
    for _ in range(3):  # made anew, kept, and a copy of what is kept
        cfg, mistakes = compose(conf_dir(), "train", words)
        assert cfg is not None, mistakes
        for name in FILLED_IN:
            cfg[name] = "???"
        assert OmegaConf.to_container(cfg) == OmegaConf.to_container(wanted)


def test_what_is_kept_is_nobodys_to_change() -> None:
    cfg, _ = compose(conf_dir(), "train", ["seed=1"])
    again, _ = compose(conf_dir(), "train", [])
    assert cfg is not None
    assert again is not None
    cfg.model.critic = None
    assert again.seed != 1
    assert compose(conf_dir(), "train", [])[0] == again


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(conf_dir(), conf)
    before, _ = compose(conf, "train", [])
    latent = conf / "latent" / f"{_choices(conf, 'train')['latent']}.yaml"
    latent.write_text(re.sub(r"dim: \d+", "dim: 77", latent.read_text(encoding="utf-8")), encoding="utf-8")
    after, _ = compose(conf, "train", [])
    assert before is not None
    assert after is not None
    assert before.latent.dim != 77
    assert after.latent.dim == 77


def test_all_mistakes_at_once() -> None:
    cfg, mistakes = compose(conf_dir(), "train", ["objective=hing", "data.batchsize=3", "seed=x", "foo"])
    assert cfg is None
    assert [text.split(":")[0] for text in sorted(mistakes)] == [
        "'foo' is no override",
        "data.batchsize=3",
        "objective=hing",
        "seed=x",
    ]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("batch_size=8", "data.batch_size"),
        ("trainer.batch_size=8", "data.batch_size"),
        ("image_size=64", "data.image_size"),  # networks have one as well, which refers to this one
        ("precision=16", "trainer.precision"),  # reconstruction is nearer by its letters
        ("epochs=5", "trainer.max_epochs"),
        ("max_epochs=5", "trainer.max_epochs"),
        ("num_workers=2", "data.workers"),
        ("model.lr=0.1", "model.generator_optimizer.lr"),
        ("model=autoencoder lr=0.1", "model.optimizer.lr"),
        ("gpus=2", "trainer.devices"),
        ("output_dir=here", "hydra.run.dir"),
        ("dataset=mnist", "data"),
        ("data=mnist data_dir=here", "data.root"),
        ("data_dir=here", "data"),  # digits have no root
        ("width=8", "model.generator.width or model.critic.network.width"),
        ("logger=wandb name=x", "hydra.run.dir or logger.wandb.name"),
        ("schedule=cosine schedule.epoch=3", "epochs"),
        ("n_critic=5", "model.discriminator_turns"),
        ("generator.width=3", "model.generator.width"),
        ("sead=3", "seed"),
        ("modle=gan", "model"),
        ("model.generatr.width=3", "model.generator.width or model.critic.network.width"),
    ],
)
def test_an_option_by_its_bare_misplaced_or_foreign_name(words: str, meant: str) -> None:
    wrong = words.rsplit(maxsplit=1)[-1]
    _, mistakes = compose(conf_dir(), "train", words.split())
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"{wrong}: there is no option")
    assert f"; did you mean {meant}?" in mistakes[0]


def test_what_other_tools_call_an_option_leads_to_one_that_is_there() -> None:
    cfg, _ = compose(conf_dir(), "train", ["data=mnist"])
    assert cfg is not None
    known = {*_choices(conf_dir(), "train"), *cfg, "hydra.run.dir"}
    meant = {options[0] for options in ELSEWHERE.values()}
    assert {option for option in meant if option not in known and OmegaConf.select(cfg, option) is None} == set()


def test_single_options_are_judged_and_set_one_after_another() -> None:
    again, mistakes = compose(conf_dir(), "train", ["~data.flip", "+data.flip=true"])
    assert (mistakes, again and again.data.flip) == ([], True)
    _, mistakes = compose(conf_dir(), "train", ["init_from=a", "+init_from=b", "data.batchsize=3"])
    assert [text.split(":")[0] for text in mistakes] == ["+init_from=b", "data.batchsize=3"]
    for word in ("~output", "++output=x", "output=null"):  # a group's name, and an option of this root
        _, mistakes = compose(conf_dir(), "translate", [word])
        assert len(mistakes) == 1 and mistakes[0].startswith(word)


def test_hints_outlive_odd_yamls_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    mine = tmp_path / "experiment" / "mine.yaml"
    mine.write_text(
        "# @package _global_\nseed: ${data.seed}\ndata: {seed: '${seed}', names: {0: cat}}\n", encoding="utf-8"
    )
    _, mistakes = compose(conf_dir(), "train", ["experiment=mine", "batchsize=3", "epochs=2"], tmp_path)
    assert ["did you mean data.batch_size?" in mistakes[0], "did you mean trainer.max_epochs?" in mistakes[1]] == [
        True
    ] * 2


def test_a_file_that_an_editor_has_open_is_in_nobodys_way(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(conf_dir(), conf)
    (conf / "latent" / ".#normal.yaml").symlink_to("somebody@somewhere.1234")
    cfg, mistakes = compose(conf, "train", [])
    assert cfg is not None
    assert mistakes == []


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\n# mine\nseed: 7\n", encoding="utf-8")
    cfg, mistakes = compose(conf_dir(), "train", ["experiment=mine"], tmp_path)
    assert (mistakes, cfg and cfg.seed) == ([], 7)
    _, mistakes = compose(conf_dir(), "train", ["experiment=min"], tmp_path)
    assert "did you mean mine?" in mistakes[0]


def test_a_sweep_expands_to_its_jobs() -> None:
    assert expand(["seed=1,2", "model=gan", "data.batch_size=8,16"]) == [
        ["seed=1", "model=gan", "data.batch_size=8"],
        ["seed=1", "model=gan", "data.batch_size=16"],
        ["seed=2", "model=gan", "data.batch_size=8"],
        ["seed=2", "model=gan", "data.batch_size=16"],
    ]
    assert expand(["seed=range(0,3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert expand(["model.lr=interval(0,1)", "foo"]) == [["foo"]]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("ckpt=outputs/lr=0.1/run", "outputs/lr=0.1/run"),
        ("ckpt=Photos (2019)", "Photos (2019)"),
        ("ckpt=Übung/日本", "Übung/日本"),
        ("ckpt=C:\\a=b\\", "C:\\a=b\\"),
        ('ckpt=say "=" twice', 'say "=" twice'),
        ("ckpt=plain/path.ckpt", "plain/path.ckpt"),
        ("ckpt=with some blanks", "with some blanks"),
    ],
)
def test_paths_that_hydra_cannot_read_bare_arrive_whole(word: str, value: str) -> None:
    cfg, mistakes = compose(conf_dir(), "sample", [quoted(word)])
    assert cfg is not None
    assert (mistakes, cfg.ckpt) == ([], value)


def test_what_can_be_read_stays_as_it_is() -> None:
    for word in ("seed=3", "data.classes=[1,2]", "a={b:1}", "seed=1,2", "x=${y}", "foo", "~experiment", "=1"):
        assert quoted(word) == word


@pytest.mark.parametrize(
    "word",
    [
        "+hydra.job_logging.loggers.atelier.level=DEBUG",
        "+hydra.callbacks.log.level=3",
        "+hydra.job.env_set.A=1",
        "hydra.job.id=5",  # which Hydra fills in
        "hydra.verbose=true",
    ],
)
def test_hydras_open_places_can_be_added_to(word: str) -> None:
    cfg, mistakes = compose(conf_dir(), "train", [word])
    assert (cfg is not None, mistakes) == (True, [])


@pytest.mark.parametrize("word", ["network.units=3", "discriminator.width=32"])
def test_nothing_is_said_of_what_an_unknown_model_may_bring(word: str) -> None:
    _, mistakes = compose(conf_dir(), "train", ["model=foo", word, "data.batchsize=3"])
    assert [text.partition(":")[0] for text in mistakes] == ["model=foo", "data.batchsize=3"]
