"""Going on with a stored run: whether it can be done, and what is written down about it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from atelier.callback.journal import check_journal
from atelier.checkpoint import compare, read, stood, whole_beside
from atelier.config.build import build
from atelier.config.resume import CONFIG_DIR, finished, merged, started_with
from atelier.counted import counted
from atelier.reason import said
from atelier.run_folder import RunFolder
from atelier.types import Mistake
from atelier.whole_file import write_text


def checkpoint(cfg: DictConfig) -> str | None:
    """The file that a run goes on from, or None for a new run."""
    resume = cfg.get("resume")
    return None if resume is None else str(resume.checkpoint)


def steps(cfg: DictConfig) -> int:
    """Batches that were trained on before the checkpoint."""
    return stood(contents(cfg)).step


def retuned(cfg: DictConfig) -> bool:
    """Whether an option of the model was changed on the way."""
    return any(option.partition(".")[0] == "model" for option in cfg.resume.changed)


def contents(cfg: DictConfig) -> dict[str, Any]:
    """The checkpoint that the run goes on from.

    Raises:
        Mistake: if it is damaged or of another format, naming the others in the folder that are whole.
    """
    file = Path(cfg.resume.checkpoint)
    try:
        return read(file, "resume")
    except Mistake as mistake:
        if whole_beside(file):
            raise
        raise Mistake(
            f"{mistake}. The folder holds no other one that is whole: start again, in a new folder"
        ) from mistake


def obstacles(cfg: DictConfig) -> list[str]:
    """All that keeps the run from going on: its checkpoint, its end, other networks, other data."""
    file = cfg.resume.checkpoint
    try:
        content = contents(cfg)
        _refuse_finished(cfg, stood(content).epoch)
        run = RunFolder(Path(cfg.run_dir))
        _resumptions(run)
        check_journal(run.metrics)
        with torch.device("meta"):
            model = build(cfg.model)
        compare(content["state_dict"], model, f"resume={file}")
        _refuse_other_data(cfg, content)
    except Mistake as mistake:
        return [str(mistake)]
    return []


def _refuse_finished(cfg: DictConfig, reached: float) -> None:
    folder = Path(cfg.run_dir)
    if not finished(RunFolder(folder)):  # also where all epochs are trained and only the end was cut off
        return
    if reached >= cfg.trainer.max_epochs:  # which may just have been typed: what was trained is in the checkpoint
        more = f"trainer.max_epochs={2 * math.ceil(reached)}"
        raise Mistake(
            f"resume={folder}: this run is finished ({counted(reached, 'epoch')}); to train it further, add {more}"
        )
    typed = any(option.split(".")[:2] == ["trainer", "max_time"] for option in cfg.resume.changed)
    if cfg.trainer.get("max_time") is not None and not typed:
        raise Mistake(
            f"resume={folder}: this run's time is up; to train it further, add trainer.max_time=<more in all>"
        )


def _refuse_other_data(cfg: DictConfig, content: dict[str, Any]) -> None:
    """A position in the data means nothing in other data."""
    states = content["loops"]["fit_loop"]["state_dict"].get("combined_loader", [])
    data = build(cfg.data)
    data.prepare_data()
    data.setup("fit")
    now = data.train_dataloader().state_dict()
    for state in states:
        # The order of an epoch is drawn for so many images.
        if what := next((what for what in ("batches", "images") if state.get(what, now[what]) != now[what]), None):
            raise Mistake(
                f"resume={cfg.run_dir}: an epoch of this run has {state[what]} {what}, and now there would be "
                f"{now[what]} (data.batch_size, data.subset or the data are others): the position in it would be lost. "
                f"A new run can start from these weights: init_from={cfg.run_dir}"
            )


def record(cfg: DictConfig) -> list[str]:
    """Write down that the run goes on, and with what; nothing that was written before is lost.

    ``resumed.yaml`` gets an entry with what was changed, from what to what; ``config.yaml`` is what holds from now on,
    and ``overrides.yaml`` the words that make it. Returns the changes in words.
    """
    folder, resume = Path(cfg.run_dir), OmegaConf.to_container(cfg.resume)
    assert isinstance(resume, dict)
    entries = _resumptions(RunFolder(folder))
    entries.append(
        {
            "time": time.strftime("%Y-%m-%d %H:%M:%S"),
            "checkpoint": Path(resume["checkpoint"]).name,
            "epoch": stood(contents(cfg)).epoch,
            "words": resume["words"],
            "changed": resume["changed"],
        }
    )
    write_text(RunFolder(folder).resumed, OmegaConf.to_yaml(OmegaConf.create(entries)))
    if resume["words"]:
        keep(cfg, merged(started_with(folder), resume["words"]))
    return [f"{option}: {before} → {after}" for option, (before, after) in resume["changed"].items()]


def _resumptions(run: RunFolder) -> list[Any]:
    """The entries of resumed.yaml.

    Raises:
        Mistake: if there are others than ours, to which none can be added.
    """
    if not run.resumed.exists():
        return []
    try:
        entries = OmegaConf.to_container(OmegaConf.load(run.resumed))
    except Exception as error:  # a file that was edited can fail anywhere in the parser
        raise Mistake(f"{run.resumed}: cannot be read ({said(error)}); put it right, or take it away") from None
    if not isinstance(entries, list):
        raise Mistake(f"{run.resumed}: not a list of resumptions; put it right, or take it away")
    return entries


def keep(cfg: DictConfig, words: list[str]) -> None:
    """Write a run's configuration and the words that chose it into its folder."""
    run = RunFolder(Path(cfg.run_dir))
    write_text(run.config, OmegaConf.to_yaml(plain(cfg), resolve=True))
    write_text(run.overrides, OmegaConf.to_yaml(OmegaConf.create([*_flags(), *words])))


def _flags() -> list[str]:
    """The folder of the user's own YAMLs, without which this process' words would mean nothing."""
    sources = HydraConfig.get().runtime.config_sources if HydraConfig.initialized() else []
    return [f"{CONFIG_DIR}{source.path}" for source in sources if source.provider == "command-line"]


def plain(cfg: DictConfig) -> DictConfig:
    """``cfg`` as it is stored: how this process came to the run is no part of it."""
    kept = cfg.copy()
    kept.resume = None
    return kept
