"""A study that several workers share: none of its trials is lost, and none is trained twice."""

from __future__ import annotations

import logging
import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from atelier.types import Mistake
from hydra_plugins.atelier_optuna._storage import alone, opened
from hydra_plugins.atelier_optuna._worker import BEAT_SECONDS, dead, myself

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState

    from hydra_plugins.atelier_optuna._space import Space

log = logging.getLogger(__name__)

_SPREAD = 2**16  # seeds of one study's draws lie between those of the next seed's


class Taken(NamedTuple):
    """A trial that this worker is to train.

    trial: Optuna's. former: the folder of an attempt that a dead worker has left, or None.
    """

    trial: Trial
    former: str | None


class SharedStudy:
    """Hands out trials and takes their values, for any number of workers on one storage.

    A trial belongs to the worker whose mark it carries. If that worker is dead, the next one to ask puts the trial back
    in the queue and trains it again under its own number and with its own parameters. Optuna's heartbeat is not used:
    it works within ``study.optimize`` alone, and makes a second trial of the first. Reading and writing happen while no
    other worker does either (see :func:`alone`), so two workers cannot take one trial, nor one trial too many.

    space: what is looked for. sampler: from a seed to Optuna's sampler; every draw has a seed of its own, made of
    ``seed`` and the trial's number, so that workers and restarts draw what one worker would have drawn.
    n_trials: how many there are in all. direction: "minimize" or "maximize".
    held: trials by number that this worker has taken and not ended. lost: numbers of those that another worker has
    taken over from this one, when it seemed dead.
    """

    def __init__(
        self,
        space: Space,
        *,
        name: str,
        storage: str | None,
        direction: Literal["minimize", "maximize"],
        sampler: Callable[[int], BaseSampler],
        pruner: Any,
        seed: int,
        n_trials: int,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.name, self.url, self.direction = space, name, storage, direction
        self.sampler, self.seed, self.n_trials = sampler, seed, n_trials
        self.storage = opened(storage)
        self._mine = myself()
        self.held: dict[int, Trial] = {}
        self.lost: set[int] = set()
        with self._alone():
            self.study: Study = optuna.create_study(
                storage=self.storage, study_name=name, direction=direction, pruner=pruner, load_if_exists=True
            )
            self._refuse_another()

    def take(self) -> Taken | None:
        """The next trial, or None if all are taken (others may still be at work on theirs).

        Raises:
            Mistake: if the study was begun with other choices for an option.
        """
        from optuna.trial import TrialState

        with self._alone():
            self._revive()
            trials = self.study.get_trials(deepcopy=False)
            waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
            if not waiting and len(trials) >= self.n_trials:
                return None
            number = waiting[0].number if waiting else len(trials)
            trial = self._ask(number)
            former = trial.user_attrs.get("folder")
            trial.set_user_attr("worker", self._mine)
            trial.set_user_attr("beat", time.time())
            self.held[trial.number] = trial
            return Taken(trial, former)

    def mine(self, trial: Trial) -> bool:
        """Whether ``trial`` still belongs to this worker: after a long sleep another one may have taken it over."""
        held = self.study.get_trials(deepcopy=False)[trial.number]
        return not held.state.is_finished() and held.user_attrs.get("worker") == self._mine

    def _ask(self, number: int) -> Trial:
        from optuna.exceptions import ExperimentalWarning

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # the configuration has chosen what it has chosen
                self.study.sampler = self.sampler((self.seed * _SPREAD + number) % 2**32)
                return self.study.ask(self.space.distributions)
        except ValueError as error:
            name = f"hydra.sweeper.study_name={self.name}"
            raise Mistake(f"{name}: {error}; give a search of other values another name") from error

    @contextmanager
    def alive(self) -> Iterator[None]:
        """While the block lasts, a thread says now and then that this worker's trials are being worked on."""
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                with self._alone():
                    for number, trial in list(self.held.items()):
                        if self.mine(trial):
                            trial.set_user_attr("beat", time.time())
                        else:
                            self.lost.add(number)
            except Exception as error:  # the storage may be away for a while; the others wait much longer than this
                log.warning("the study could not be reached (%s); trying again", type(error).__name__)

    def finish(self, trial: Trial, value: float | None, *, pruned: bool = False) -> bool:
        """Write down a trial's value; without a finite one it has failed. Whether it was still this worker's to end."""
        from optuna.trial import TrialState

        self.held.pop(trial.number, None)
        with self._alone():
            if not self.mine(trial):
                return False
            state = TrialState.PRUNED if pruned else TrialState.COMPLETE
            if value is None or not math.isfinite(value):
                state = TrialState.FAIL
            self._tell(trial, value if state == TrialState.COMPLETE else None, state)
            return True

    def _tell(self, trial: Trial, value: float | None, state: TrialState) -> None:
        try:
            self.study.tell(trial, value, state=state)
        except RuntimeError:
            # A sampler that has gone through its grid wants to stop a loop of Optuna's, which is not there.
            if not self.study.get_trials(deepcopy=False)[trial.number].state.is_finished():
                raise

    def best(self) -> FrozenTrial | None:
        """The complete trial with the best value, or None."""
        try:
            return self.study.best_trial
        except ValueError:
            return None

    def _alone(self) -> Any:
        return alone(self.storage, self.url, self.name)

    def _revive(self) -> None:
        """Put trials of dead workers back in the queue, under their numbers and with their parameters."""
        from optuna.trial import TrialState

        study_id = self.storage.get_study_id_from_name(self.name)
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # One without a mark was cut off before it was handed out: marks are set behind the same door.
            worker, beat = trial.user_attrs.get("worker", {}), trial.user_attrs.get("beat", 0.0)
            if not worker or dead(worker, beat):
                trial_id = self.storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
                self.storage.set_trial_state_values(trial_id, state=TrialState.WAITING)

    def _refuse_another(self) -> None:
        """A study goes on only with the question that it was begun with."""
        attributes = self.study.user_attrs
        if self.study.direction.name.lower() != self.direction:
            raise Mistake(
                f"hydra.sweeper.direction={self.direction}: the study {self.name} is there already and has the other "
                "direction; choose another hydra.sweeper.study_name"
            )
        if "words" not in attributes:
            self.study.set_user_attr("words", sorted(self.space.fixed))
        elif (before := attributes["words"]) != sorted(self.space.fixed):
            begun = " ".join(before) or "no other words"
            raise Mistake(
                f"hydra.sweeper.study_name={self.name}: this study was begun with {begun}; values of other runs cannot "
                "be compared with its own, so choose another name"
            )
