"""How a worker gets its trials trained: side by side in processes that can be asked, or in batches."""

from __future__ import annotations

import contextlib
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import filelock
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from atelier.cli.outcome import Outcome, first_score, outcome
from atelier.run_folder import RunFolder
from hydra_plugins.atelier_process._tending import tend

if TYPE_CHECKING:
    from hydra_plugins.atelier_optuna._study import SharedStudy, Taken
    from hydra_plugins.atelier_process._job import Job
    from hydra_plugins.atelier_process.launcher import ProcessLauncher

log = logging.getLogger(__name__)

_NO_SCORE = "it has no score: it ended before its first validation, or callback.scoreboard=null"

_LOCK_SECONDS = 60  # in which an orphaned job saves and leaves


class Crew(Protocol):
    """Who trains a worker's trials."""

    def work(self, told: list[Outcome]) -> None:
        """Train until no trial is left to take; what comes of each is added to ``told``."""
        ...


class Batches:
    """Trains ``size`` trials at a time through any launcher; all of a batch end before the next ones are drawn.

    folder: of the sweep.
    """

    def __init__(self, study: SharedStudy, launcher: Launcher, folder: Path, size: int) -> None:
        self.study, self.launcher, self.folder, self.size = study, launcher, folder, size

    def work(self, told: list[Outcome]) -> None:
        """As in :class:`Crew`."""
        while batch := self._batch():
            # Other workers' trials lie between ours, so launchers cannot number the folders.
            jobs = [[*_words(self.study, taken), f"hydra.sweep.subdir={self._place(taken)}"] for taken in batch]
            returned = self.launcher.launch(jobs, batch[0].trial.number)
            told += [tell(self.study, taken, one) for taken, one in zip(batch, returned, strict=True)]

    def _batch(self) -> list[Taken]:
        batch: list[Taken] = []
        while len(batch) < self.size and (taken := self.study.take()) is not None:
            batch.append(taken)
        return batch

    def _place(self, taken: Taken) -> str:
        from hydra_plugins.atelier_process._job import unused

        return unused(self.folder / str(taken.trial.number)).name


class Running(NamedTuple):
    """A trial that is being trained."""

    taken: Taken
    promise: JobReturn


class Processes:
    """Trains ``size`` trials side by side through our own launcher; asks the pruner after each of their validations.

    What a dead worker has left of a trial is used: its value if it was finished, else its last checkpoint.
    """

    def __init__(self, study: SharedStudy, launcher: ProcessLauncher, size: int, *, prunes: bool) -> None:
        self.study, self.launcher, self.size, self.prunes = study, launcher, size, prunes
        self._running: dict[int, Running] = {}

    def work(self, told: list[Outcome]) -> None:
        """As in :class:`Crew`; also of trials that are stopped when the search is cut off."""
        tend(
            self.size,
            lambda place: self._begin(place, told),
            lambda job: told.append(self._end(job)),
            self._listen,
        )

    def _begin(self, place: int, told: list[Outcome]) -> Job | None:
        while (taken := self.study.take()) is not None:
            if (salvaged := self._salvaged(taken)) is None:
                return self._start(taken, place)
            told.append(salvaged)
        return None

    def _start(self, taken: Taken, place: int) -> Job:
        trial = taken.trial
        job, promise = self.launcher.begin(
            _words(self.study, taken),
            trial.number,
            place=place,
            places=self.size,
            asks=self.prunes,
            former=_left(taken.former),
        )
        trial.set_user_attr("folder", str(job.folder))
        self._running[trial.number] = Running(taken, promise)
        return job

    def _listen(self, job: Job) -> None:
        trial = self._running[job.number].taken.trial
        if trial.number in self.study.lost:
            log.warning("#%d was taken over by another worker while this one slept", trial.number)
            job.kill()
            return
        for step, value in job.reports():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # validations of a former attempt are known already
                trial.report(value, step)
            job.answer(prune=trial.should_prune())

    def _end(self, job: Job) -> Outcome:
        taken, promise = self._running.pop(job.number)
        self.launcher.finish(job, promise)
        return tell(self.study, taken, promise)

    def _salvaged(self, taken: Taken) -> Outcome | None:
        """Take the value of a trial that was finished, but whose worker died before it could say so."""
        if taken.former is None:
            return None
        folder, trial = Path(taken.former), taken.trial
        _wait_for(folder)
        status = RunFolder(folder).read_results().get("status")
        if status not in ("finished", "pruned"):
            return None
        score, pruned = first_score(folder), status == "pruned"
        words = _words(self.study, taken)
        trial.set_user_attr("score", score["name"])
        self.study.finish(trial, score["best"], pruned=pruned)
        done = "pruned" if pruned else "done"
        return Outcome(trial.number, words, done, score["best"], score["name"], str(folder))


def tell(study: SharedStudy, taken: Taken, returned: JobReturn) -> Outcome:
    """Write a trial's end into the study; what came of it. One that was stopped is left to whoever goes on with it."""
    one = outcome(taken.trial.number, returned)
    if one.status == "stopped":
        return one
    higher = first_score(Path(one.folder))["higher_is_better"]
    if one.status == "done" and one.value is None:
        one = one._replace(status="failed", error=_NO_SCORE)
    elif higher is not None and higher != (study.direction == "maximize"):
        better = "higher" if higher else "lower"
        one = one._replace(status="failed", value=None, error=f"{one.score} is better when {better}; this study is not")
    if study.mine(taken.trial):
        taken.trial.set_user_attr("folder", one.folder)
        taken.trial.set_user_attr("score", one.score)
    study.finish(taken.trial, one.value, pruned=one.status == "pruned")
    return one


def _words(study: SharedStudy, taken: Taken) -> list[str]:
    return study.space.words(taken.trial.params)


def _left(former: str | None) -> Path | None:
    """The folder of an attempt that can be gone on with."""
    folder = None if former is None else Path(former)
    return folder if folder is not None and (folder / "checkpoints" / "last.ckpt").is_file() else None


def _wait_for(folder: Path) -> None:
    """Let the process that a dead worker has left behind come to its end: it saves when it sees that it is alone."""
    if (folder / ".lock").exists():
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(folder / ".lock", timeout=_LOCK_SECONDS):
            pass
