"""Lightning's loop over the batches of an epoch, with a shorter way through a step."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loops.fetchers import _DataFetcher, _DataLoaderIterDataFetcher
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.strategies import Strategy


class StepLoop(_TrainingEpochLoop):
    """Does in a step what Lightning's loop does, in its order, having asked once an epoch who takes part.

    Lightning asks at every step which hooks the model and the data have, who moves a batch, and what the signature of
    ``training_step`` is: 0.3 to 0.7 ms of Python. Its own way is taken where a step is more than this: in runs of
    several processes, in the first step after a resume, where a strategy moves batches in a way of its own, and where
    the model asks for the loader's iterator in a batch's place.
    """

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        """Ask who takes part in the epoch's steps."""
        super().on_run_start(data_fetcher)
        trainer, strategy = self.trainer, self.trainer.strategy
        self._short = (
            trainer.world_size == 1
            and type(strategy).batch_to_device is Strategy.batch_to_device
            and not isinstance(data_fetcher, _DataLoaderIterDataFetcher)
        )
        self._starting = _listeners(trainer, "on_train_batch_start")
        self._ending = _listeners(trainer, "on_train_batch_end")
        owner = trainer._data_connector._datahook_selector.get_instance
        self._before_transfer, self._transfer, self._after_transfer = (
            getattr(owner(hook), hook)
            for hook in ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
        )
        self._takes_index = "batch_idx" in self._build_kwargs(OrderedDict(), None, 0)

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """Train on one batch.

        Raises StopIteration where the model's ``on_train_batch_start`` gives up the rest of the epoch with -1.
        """
        if not self._short or self.restarting:
            super().advance(data_fetcher)
            return
        self.val_loop.restarting = False  # a validation that was stored is not gone on with once there was a step
        trainer, model, progress = self.trainer, self.trainer.lightning_module, self.batch_progress
        strategy, numbers = trainer.strategy, trainer._logger_connector
        batch, _, _ = next(data_fetcher)
        batch_idx = self.batch_idx + 1
        progress.is_last_batch = data_fetcher.done
        batch = self._before_transfer(trainer.precision_plugin.convert_input(batch), 0)
        batch = self._after_transfer(self._transfer(batch, strategy.root_device, 0), 0)
        progress.increment_ready()
        numbers.on_batch_start(batch)

        # The name says whose figures ``log`` is given.
        model._current_fx_name = "on_train_batch_start"
        for listener in self._starting:
            listener(trainer, model, batch, batch_idx)
        given_up = model.on_train_batch_start(batch, batch_idx) == -1
        strategy.on_train_batch_start(batch, batch_idx)
        outputs: Any = None
        if given_up:
            progress.increment_by(0, is_last_batch=True)
        else:
            progress.increment_started()
            given = OrderedDict(batch=batch, batch_idx=batch_idx) if self._takes_index else OrderedDict(batch=batch)
            if model.automatic_optimization:
                outputs = self.automatic_optimization.run(trainer.optimizers[0], batch_idx, given)
            else:
                outputs = self.manual_optimization.run(given)
        progress.increment_processed()
        self.update_lr_schedulers("step", update_plateau_schedulers=False)
        if self._num_ready_batches_reached():
            self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        if given_up:
            model._current_fx_name = None
            raise StopIteration

        model._current_fx_name = "on_train_batch_end"
        for listener in self._ending:
            listener(trainer, model, outputs, batch, batch_idx)
        model.on_train_batch_end(outputs, batch, batch_idx)
        model._current_fx_name = None
        numbers.on_batch_end()
        progress.increment_completed()
        numbers.update_train_step_metrics()


def _listeners(trainer: Trainer, hook: str) -> list[Callable[..., None]]:
    hooks = (getattr(callback, hook) for callback in trainer.callbacks)  # type: ignore[attr-defined]  # set elsewhere
    return [listener for listener in hooks if callable(listener)]
