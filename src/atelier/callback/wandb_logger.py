"""Weights & Biases: curves over the images seen, samples with captions, scores at their best, checkpoints."""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import ssl
import threading
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from atelier.reason import told
from atelier.run_folder import RunFolder
from atelier.types import Mistake

log = logging.getLogger(__name__)

_AXIS = "images_seen"

Boards = Callable[[], Mapping[str, Mapping[str, Any]]]


class WandbLogger(Logger):
    """A run at Weights & Biases, or on disk alone, with the same content.

    Nothing that happens there stops training: what fails is told once, and where no server answers at the start, the
    run is written to disk (``wandb sync`` brings it over later). Lightning's own logger counts optimizer steps, keeps
    no checkpoints offline, knows only those of Lightning's callback, and waits for a silent server a hundred seconds.

    folder: the run's. project, entity: where the run goes; None for the account's own entity.
    name: of the run; None for the folder's. group: what runs are gathered by; job_type: what kind of run it is (where
    they are null in the configuration: the sweep, and the experiment or train). tags: words to find the run by.
    offline: whether to write to disk alone.
    log_model: which checkpoints are kept as artifacts when the run ends.
    patience: seconds to wait for the server at the start, and for the last data at the end.
    """

    def __init__(  # noqa: PLR0917  # as many as there are choices
        self,
        folder: str,
        project: str,
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] = (),
        offline: bool = False,
        log_model: Literal["none", "best", "all"] = "none",
        patience: int = 20,
    ) -> None:
        super().__init__()
        if log_model not in ("none", "best", "all"):
            raise Mistake(f"logger.wandb.log_model={log_model}: there is none, best and all")
        if patience < 1:
            raise Mistake(f"logger.wandb.patience={patience}: wait for at least 1 second")
        self.folder, self.offline, self.log_model, self.patience = Path(folder), offline, log_model, patience
        self._place: dict[str, Any] = {"project": project, "entity": entity, "name": name or self.folder.name}
        self._place |= {"group": group, "job_type": job_type, "tags": list(tags)}
        self._run: Any = None
        self._boards: Boards = dict
        self._known: set[str] = set()
        self._position: dict[str, float] = {"epoch": 0, _AXIS: 0}

    @property
    def name(self) -> str:
        """The project."""
        return str(self._place["project"])

    @property
    def version(self) -> str | None:
        """The run's id."""
        return None if self._run is None else str(self._run.id)

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.folder)

    # --- a run's life ---------------------------------------------------------------------------------------

    def begin(self, identity: str, config: Mapping[str, Any], boards: Boards) -> None:
        """Start the run, or go on with it.

        identity: the same in every process that works on the run. config: what it is made of.
        boards: tells every score's direction, protocol and floor once there are any (as in results.json).
        """
        self._boards = boards
        asked = {**self._place, "id": identity, "config": dict(config), "dir": str(self.folder)}
        self._run = self._begun(asked)
        self._run.define_metric("epoch")
        self._run.define_metric(_AXIS)
        self._run.define_metric("*", step_metric=_AXIS, step_sync=False)

    def _begun(self, asked: dict[str, Any]) -> Any:
        import wandb  # heavy: only where it is used

        # Any: it refuses wrong words itself.
        mode: Any = os.environ.get("WANDB_MODE") or ("offline" if self.offline else "online")
        if mode == "online":
            try:
                _expect_answer(wandb.setup(wandb.Settings(silent=True)).settings.base_url, self.patience / 4)
                # Segments of one name on disk become one run once they are synchronised; the server has to be asked.
                return wandb.init(**asked, mode="online", resume="allow", settings=self._settings())
            except Exception as error:  # of many kinds: no key, a wrong one, no network, no such entity
                log.warning("Weights & Biases cannot be reached (%s); this run is written to disk alone", told(error))
                wandb.teardown()  # its service still holds the run's id after a try that came to nothing
                mode = "offline"
        return wandb.init(**asked, mode=mode, settings=self._settings())

    def _settings(self) -> Any:
        import wandb  # as above

        return wandb.Settings(silent=True, init_timeout=self.patience / 2, finish_timeout=self.patience)

    def end(self) -> None:
        """Keep checkpoints, wait for the last data (not for ever), and close the run: the next one is another."""
        if self._run is None:
            return
        run, self._run = self._run, None
        try:
            self._keep_checkpoints(run)
        finally:
            _finish(run)

    def _keep_checkpoints(self, run: Any) -> None:
        import wandb  # as above

        files = {"none": [], "best": ["best.ckpt"], "all": ["*.ckpt"]}[self.log_model]
        found = sorted(file for pattern in files for file in RunFolder(self.folder).checkpoints.glob(pattern))
        for file in found:
            artifact = wandb.Artifact(f"{run.id}-{file.stem}", type="model", metadata=dict(self._position))
            artifact.add_file(str(file), name=file.name)
            run.log_artifact(artifact, aliases=[file.stem])

    # --- what it is told ------------------------------------------------------------------------------------

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run has its whole configuration from the start."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one row. Lightning's ``step`` is left out: the axis is the number of images seen."""
        if self._run is None:
            return
        self._position |= {name: metrics[name] for name in self._position if name in metrics}
        fresh = [name for name in metrics if name.startswith("val/") and name not in self._known]
        if fresh:
            self._explain(fresh)
        self._run.log(dict(metrics))

    @rank_zero_only
    def log_image(self, key: str, images: list[Any], step: int | None = None, *, caption: Sequence[str]) -> None:
        """Send pictures ``[H, W, 3]`` as uint8, each with what is seen in it and the moment at which it was drawn."""
        import wandb  # as above

        if self._run is None:
            return
        moment = f"Epoch {self._position['epoch']:g}, {self._position[_AXIS]:,.0f} images seen."
        shown = [wandb.Image(image, caption=f"{words} {moment}") for image, words in zip(images, caption, strict=True)]
        self._run.log({key: shown, **self._position})

    def _explain(self, names: Sequence[str]) -> None:
        """Scores seen for the first time: their best value stands for the run, with what it takes to compare it."""
        self._known |= set(names)
        told = {name: score for name, score in self._boards().items() if name in self._known}
        for name in told.keys() & set(names):
            best = {True: "max,last", False: "min,last"}.get(told[name]["higher_is_better"], "last")
            self._run.define_metric(name, step_metric=_AXIS, step_sync=False, summary=best)
        protocols = {name: dict(score["protocol"]) for name, score in told.items()}
        floors = {name: score["floor"] for name, score in told.items() if score["floor"] is not None}
        self._run.config.update({"protocol": protocols, "floor": floors}, allow_val_change=True)


def _finish(run: Any) -> None:
    """Close ``run``; where its service is gone, the process's next run gets another one."""
    import wandb  # as above

    try:
        run.finish()
    except Exception:  # whatever it is, it goes on its way
        with contextlib.suppress(OSError):  # a dead service hears no farewell
            wandb.teardown()
        raise


def _expect_answer(address: str, seconds: float) -> None:
    """Find out whether the server at ``address`` answers questions at all: wandb's own tries take minutes.

    Raises OSError or HTTPException if not.
    """
    question = urllib.request.Request(
        f"{address}/graphql", data=b'{"query": "{__typename}"}', headers={"Content-Type": "application/json"}
    )
    found: list[Exception | None] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(question, timeout=seconds).close()
            found.append(None)
        except (OSError, http.client.HTTPException) as error:
            found.append(None if _is_answer(error) else error)

    # In a thread, since no time limit holds for looking up a name.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(2 * seconds)
    error = found[0] if found else TimeoutError(f"{address} does not answer")
    if error is not None:
        raise error


def _is_answer(error: Exception) -> bool:
    """Whether ``error`` comes from a living server: one that wants a key, or whose certificate is wandb's to judge."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500
    return isinstance(error, urllib.error.URLError) and isinstance(error.reason, ssl.SSLError)
