"""What a person reads when a run has ended."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from omegaconf import OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from atelier.callback.recorder import board_of, clock_of
from atelier.callback.words import brief, duration
from atelier.types import Reconstructor

_VARIANTS = ("objective=hinge", "regularizer=r1")
_CODE_VARIANTS = ("corruption=masking", "reconstruction=bce")


class Summary(Callback):
    """Closes the run: the best score and its floor, where the pictures are, and three commands to go on."""

    def __init__(self) -> None:
        self.console = Console()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print it."""
        if not trainer.is_global_zero:
            return
        run = _near(Path(trainer.default_root_dir))
        facts = [
            _trained(trainer),
            *_scored(trainer),
            f"Pictures    {run / 'samples'}",
            f"Report      {run / 'report.html'}",
        ]
        commands = next_commands(run, codes=isinstance(pl_module, Reconstructor))
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
        f"Trained     {clock.epoch:g} epochs, {clock.images_seen:,} images in {duration(clock.train_seconds)}"
        f" ({clock.images_per_second:,.0f} images/s)"
    )


def _scored(trainer: Trainer) -> list[str]:
    board = board_of(trainer)
    score = board.results().get(board.history.primary) if board else None
    if board is None or score is None:
        return []
    lines = [f"Best score  {board.history.primary} {brief(score['best'])} in epoch {score['best_epoch']}"]
    if score["floor"] is not None:
        lines.append(f"Floor       {brief(score['floor'])} (as many real images against real ones)")
    return lines


def next_commands(run: Path, *, codes: bool = False) -> dict[str, str]:
    """Purpose → command, for the three things one may want to do after training ``run``.

    codes: whether the model makes codes, and not samples.
    """
    folder = shlex.quote(str(run))
    overrides = _overrides(run)
    variants = _CODE_VARIANTS if codes else _VARIANTS
    variant = next((word for word in variants if not _sets(overrides, word)), "seed=1")
    again = " ".join(shlex.quote(word) for word in [*overrides, variant])
    use = ("write the codes of the held-out images", "encode") if codes else ("draw more samples", "sample")
    return {
        "score the best checkpoint again": f"{_verb('evaluate')} ckpt={folder}",
        use[0]: f"{_verb(use[1])} ckpt={folder}",
        "train a variant": f"{_verb('train')} {again}",
    }


def _verb(verb: str) -> str:
    """How a verb is called where this process came from: a script of the checkout, or what was installed."""
    script = Path(sys.argv[0])
    if script.suffix != ".py":
        return f"atelier {verb}"
    runner = "uv run" if "UV_RUN_RECURSION_DEPTH" in os.environ else "python"
    return f"{runner} {_near(script.with_name(f'{verb}.py'))}"


def _overrides(run: Path) -> list[str]:
    """What the user chose for ``run``, without the choice of its folder."""
    path = run / "overrides.yaml"
    words = OmegaConf.to_container(OmegaConf.load(path)) if path.exists() else []
    return [str(word) for word in words or [] if not str(word).startswith("hydra.")]


def _sets(overrides: list[str], word: str) -> bool:
    key = word.partition("=")[0]
    return any(override.partition("=")[0] == key for override in overrides)


def _near(path: Path) -> Path:
    """``path`` from here, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
