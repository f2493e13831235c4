"""What a study has come to: its best trial with its command on the terminal, all trials in a file."""

from __future__ import annotations

import json
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.callback.words import called, near
from atelier.cli.outcome import Outcome
from atelier.whole_file import write_text
from hydra_plugins.atelier_optuna._storage import shown

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from hydra_plugins.atelier_optuna._study import SharedStudy

log = logging.getLogger(__name__)

_STATUS = {"complete": "done", "pruned": "pruned", "fail": "failed"}


def ended(study: SharedStudy) -> list[Outcome]:
    """What other workers, and former attempts of this one, have brought to an end."""
    trials = study.study.get_trials(deepcopy=False)
    return [_outcome(study, trial) for trial in trials if trial.state.is_finished()]


def _outcome(study: SharedStudy, trial: FrozenTrial) -> Outcome:
    status, words = _STATUS[trial.state.name.lower()], study.space.words(trial.params)
    folder, score = (trial.user_attrs.get(name, "") for name in ("folder", "score"))
    error = f"see {near(Path(folder))}" if status == "failed" else ""
    return Outcome(trial.number, words, status, trial.value, score, folder, error)


def report(study: SharedStudy, folder: Path) -> float | None:
    """Tell the study's best trial, with the command that trains it again, and write optimization_results.json.

    The best value, or None if no trial has one.
    """
    trials, best = study.study.get_trials(deepcopy=False), study.best()
    states = [_state(study, trial) for trial in trials]
    record: dict[str, Any] = {"study": study.name, "storage": shown(study.url), "direction": study.direction}
    if best is None:
        log.error("no trial of this study has a value")
    else:
        record["best"] = _told(study, best, sum(trial.state.is_finished() for trial in trials))
    if at_work := states.count("running"):
        log.info("%d more are in the hands of other workers: this is the best so far", at_work)
    record["counts"] = {state: states.count(state) for state in sorted(set(states))}
    record["trials"] = [_row(trial, state) for trial, state in zip(trials, states, strict=True)]
    write_text(folder / "optimization_results.json", json.dumps(record, indent=2) + "\n")
    log.info("Trials: %s", near(folder / "optimization_results.json"))
    return None if best is None else best.value


def say_how_to_go_on(study: SharedStudy) -> None:
    """Tell what becomes of a search that was cut off."""
    if study.url is None:
        log.info("its trials were in memory alone; hydra.sweeper.storage=sqlite:///study.db would keep them")
    else:
        log.info("the same command goes on with this study")


def _state(study: SharedStudy, trial: FrozenTrial) -> str:
    """Optuna's word for where a trial stands, but for one that was cut off with this worker."""
    state = str(trial.state.name).lower()
    return "stopped" if state == "running" and trial.number in study.held else state


def _told(study: SharedStudy, best: FrozenTrial, count: int) -> dict[str, Any]:
    """Tell of the best of ``count`` trials; its record."""
    folder, score = best.user_attrs["folder"], best.user_attrs["score"]
    command = f"{called('train')} {shlex.join(study.space.words(best.params))}"
    log.info("\nBest of %d trials: %s %.6g in trial %d", count, score, best.value, best.number)
    log.info("Folder      %s", near(Path(folder)))
    log.info("# train it again\n%s", command)
    return {
        "trial": best.number,
        "score": score,
        "value": best.value,
        "params": best.params,
        "folder": folder,
        "command": command,
    }


def _row(trial: FrozenTrial, state: str) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "status": state,
        "value": trial.value,
        "params": trial.params,
        "validations": len(trial.intermediate_values),
        "folder": trial.user_attrs.get("folder"),
    }
