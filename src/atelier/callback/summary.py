"""What a person reads when a run has ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from omegaconf import OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Timer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from atelier.callback.checkpoints import Checkpoints
from atelier.callback.kept_state import epoch_of
from atelier.callback.recorder import board_of, boards_of, clock_of, companion
from atelier.callback.score_history import whole
from atelier.callback.trainer_parts import callbacks_of, run_of
from atelier.callback.variants import CODES, GAMES, Variant, configuration_of, retyped
from atelier.callback.words import brief, called, duration, near, speed
from atelier.counted import counted
from atelier.run_folder import RunFolder
from atelier.types import Reconstructor, Translator

Use = Literal["sample", "encode", "translate"]

_USES: dict[Use, tuple[str, str, tuple[Variant, ...]]] = {
    "sample": ("draw more samples", "", GAMES),
    "encode": ("write the codes of the held-out images", "", CODES),
    "translate": ("translate your own pictures", " direction=a_to_b input=pictures output=translated", GAMES),
}
"""What a trained model is used for, by verb: purpose, what the verb needs besides the run, variants to try next."""


class Summary(Callback):
    """Closes the run: the best score and its floor, where the pictures are, and commands to go on."""

    def __init__(self) -> None:
        self.console = Console()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print it."""
        if not trainer.is_global_zero:
            return
        run = near(run_of(trainer).path)
        made = {"Pictures": RunFolder(run).samples, "Report": RunFolder(run).report}
        facts = [
            _trained(trainer),
            *_ended_early(trainer),
            *_scored(trainer),
            *(f"{name:<12}{place}" for name, place in made.items() if place.exists()),
        ]
        commands = _prolonging(trainer, run) | _rescoring(trainer, run) | next_commands(run, _use(pl_module))
        # A terminal that is gone, or a pipe that nobody reads (which rich answers with SystemExit): all is done.
        with suppress(OSError, SystemExit):
            self._print(run, facts, commands)

    def _print(self, run: Path, facts: Sequence[str], commands: Mapping[str, str]) -> None:
        if self.console.is_terminal:
            self.console.print(
                Panel(escape("\n".join(facts)), title=f"[bold]{escape(str(run))}", title_align="left", expand=False)
            )
        else:
            self.console.print("\n".join(facts), markup=False, soft_wrap=True, highlight=False)
        # Outside the frame, so that they can be copied whole.
        for purpose, command in commands.items():
            self.console.print(f"# {purpose}", style="dim", highlight=False)
            # Not as markup: brackets are a list's here.
            self.console.print(command, markup=False, soft_wrap=True, highlight=False)


def _trained(trainer: Trainer) -> str:
    clock = clock_of(trainer)
    return (
        f"Trained     {counted(round(clock.epoch, 2), 'epoch')}, {counted(clock.images_seen, 'image')}"
        f" in {duration(clock.train_seconds)}"
        f" ({speed(clock.images_per_second)} images/s without validation)"
    )


def _time_is_up(trainer: Trainer) -> bool:
    limits = [callback for callback in callbacks_of(trainer) if isinstance(callback, Timer)]
    return any(left is not None and left <= 0 for left in (limit.time_remaining() for limit in limits))


def _ended_early(trainer: Trainer) -> list[str]:
    """Why there are fewer epochs than were asked for."""
    if not _time_is_up(trainer) or clock_of(trainer).epoch >= (trainer.max_epochs or 0):
        return []
    unscored = not any(board.results() for board in boards_of(trainer))
    came = ", before the first validation: there is no score" if unscored and boards_of(trainer) else ""
    return [f"Ended       trainer.max_time is up, {trainer.max_epochs} epochs were asked for{came}"]


def _prolonging(trainer: Trainer, run: Path) -> dict[str, str]:
    """Purpose → command, where epochs are left over."""
    if not _ended_early(trainer):
        return {}
    return {"train the epochs that are left": f"{resume_command(run)} trainer.max_time=null"}


def _scored(trainer: Trainer) -> list[str]:
    board = board_of(trainer)
    score = board.results().get(board.history.primary) if board else None
    if board is None or score is None:
        return []
    lines = [f"Best score  {board.history.primary} {brief(score['best'])} in epoch {score['best_epoch']}"]
    lines += _kept(trainer, score["best_epoch"])
    if score["floor"] is not None:
        lines.append(f"Floor       {brief(score['floor'])} (as many real images against real ones)")
    if "untouched" in score:
        lines.append(f"Untouched   {brief(score['untouched'])} (the input as it is; a translation has to beat it)")
    if "warning" in score["protocol"]:
        lines.append(f"Mind        {score['protocol']['warning']}")
    return lines


def _kept(trainer: Trainer, best_epoch: float) -> list[str]:
    """What best.ckpt holds, where that is not the state of the best score: the disk may have been full just then."""
    if companion(trainer, Checkpoints) is None:
        return []
    held = epoch_of(run_of(trainer).best)
    if held is not None and whole(held) == best_epoch:
        return []
    there = "there is no best.ckpt" if held is None else f"best.ckpt is of epoch {whole(held)}"
    return [f"Kept        {there}: the state of epoch {best_epoch} could not be saved"]


def _use(model: LightningModule) -> Use:
    if isinstance(model, Translator):
        return "translate"
    return "encode" if isinstance(model, Reconstructor) else "sample"


def _rescoring(trainer: Trainer, run: Path) -> dict[str, str]:
    """Purpose → command, where there are scores to take again: evaluation wants what this run may not have had."""
    if not any(board.results() for board in boards_of(trainer)):
        return {}
    return {"score the best checkpoint again": f"{called('evaluate')} ckpt={shlex.quote(str(run))}"}


def next_commands(run: Path, use: Use = "sample") -> dict[str, str]:
    """Purpose → command, for what one may want to do after training ``run``, scored or not.

    use: the verb that puts the model to use.
    """
    place = shlex.quote(str(run))
    purpose, needed, variants = _USES[use]
    commands = {purpose: f"{called(use)} ckpt={place}{needed}"}
    if (words := _overrides(run)) is not None:
        again = shlex.join(retyped(configuration_of(RunFolder(run)), words, variants))
        commands["train a variant"] = f"{called('train')} {again}"
    return commands


def resume_command(run: Path) -> str:
    """The command that continues the run in folder ``run``."""
    return f"{called('train')} resume={shlex.quote(str(near(run)))}"


def _overrides(run: Path) -> list[str] | None:
    """What the user chose for ``run``, without the choice of its folder; None where that is not known."""
    file = RunFolder(run).overrides
    try:
        words = OmegaConf.to_container(OmegaConf.load(file)) if file.exists() else []
    except Exception:  # an edited file can fail anywhere in the parser
        return None
    return [str(word) for word in words if not str(word).startswith("hydra.")] if isinstance(words, list) else None
