"""The largest batch that fits into memory, found before the first epoch."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.config.build import build
from atelier.config.dry_run import quiet
from atelier.task.failures import explain_failures, is_out_of_memory, out_of_memory_advice
from atelier.task.gradient_checkpointing import enable_gradient_checkpointing
from atelier.types import Mistake

log = logging.getLogger(__name__)


def impossible(cfg: DictConfig, trainer: Trainer) -> list[str]:
    """Why no batch size can be looked for."""
    wanted = cfg.get("auto_batch", False)
    if not isinstance(wanted, bool):
        return ["auto_batch: true or false"]
    if wanted and trainer.num_devices * trainer.num_nodes > 1:
        return [
            f"auto_batch=true: looks at one device, and trainer.devices={cfg.trainer.devices} share each batch; find "
            "the number with trainer.devices=1, and give data.batch_size as often as there are devices"
        ]
    if wanted and cfg.get("resume") is not None and "auto_batch" in cfg.resume.changed:
        return ["auto_batch=true: a stored run keeps its batch size, on which its place in the data depends"]
    return []


def shrink(cfg: DictConfig) -> None:
    """Halve ``data.batch_size`` in ``cfg`` until training fits into memory, saying so each time.

    What is tried is built for the trial and thrown away, so a run that is built and seeded afterwards is the one that
    has this batch size by hand. Learning rates stay; validation, with ``data.eval_batch_size``, is not tried.

    Raises:
        Mistake: if not even the smallest batch fits.
    """
    least = cfg.model.get("parts", 1)
    while not _fits(cfg):
        size = cfg.data.batch_size
        if size // 2 < least:
            raise Mistake(f"auto_batch: {out_of_memory_advice(cfg)}")
        log.info("auto_batch: out of memory with data.batch_size=%d, trying %d", size, size // 2)
        cfg.data.batch_size = size // 2
    log.info("auto_batch: training with data.batch_size=%d fits; learning rates stay as they are", cfg.data.batch_size)


def _fits(cfg: DictConfig) -> bool:
    fits = _tried(cfg)
    gc.collect()  # not earlier: a failure holds on to all that it happened in
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch gives it no types
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return fits


def _tried(cfg: DictConfig) -> bool:
    # Every player's turn, and once more: an optimizer takes its memory in its first step.
    enough = 2 * cfg.model.get("discriminator_turns", 1)
    with _silence():
        model, data = build(cfg.model), build(cfg.data)
        enable_gradient_checkpointing(cfg, model)
        trainer: Trainer = build(cfg.trainer)(
            max_epochs=enough,  # an epoch may have a single batch
            max_time=None,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            callbacks=[_Enough(enough)],
        )
        with explain_failures(cfg, trainer):
            try:
                trainer.fit(model, data)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                return False
    return True


class _Enough(Callback):
    """Stops after so many batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count."""
        self.batches -= 1
        trainer.should_stop = self.batches <= 0


@contextmanager
def _silence() -> Iterator[None]:
    """What there is to say of the data and the model, the run itself will say."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with quiet():
            yield
    finally:
        logging.disable(before)
