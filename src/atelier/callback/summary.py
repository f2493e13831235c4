"""What a person reads when a run has ended."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from omegaconf import OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.panel import Panel

from atelier.callback.recorder import clock_of, companion
from atelier.callback.report import brief, duration
from atelier.callback.scoreboard import Scoreboard

_VARIANTS = ("objective=hinge", "regularizer=r1")


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
        commands = next_commands(run)
        if self.console.is_terminal:
            self.console.print(Panel("\n".join(facts), title=f"[bold]{run}", title_align="left", expand=False))
        else:
            self.console.print("\n".join(facts), soft_wrap=True, highlight=False)
        # Outside the frame, so that they can be copied whole.
        for purpose, command in commands.items():
            self.console.print(f"[dim]# {purpose}[/]\n{command}", soft_wrap=True, highlight=False)


def _trained(trainer: Trainer) -> str:
    clock = clock_of(trainer)
    return (
        f"Trained     {clock.epoch:g} epochs, {clock.images_seen:,} images in {duration(clock.train_seconds)}"
        f" ({clock.images_per_second:,.0f} images/s)"
    )


def _scored(trainer: Trainer) -> list[str]:
    scoreboard = companion(trainer, Scoreboard)
    score = scoreboard.results().get(scoreboard.primary) if scoreboard else None
    if scoreboard is None or score is None:
        return []
    lines = [f"Best score  {scoreboard.primary} {brief(score['best'])} in epoch {score['best_epoch']}"]
    if score["floor"] is not None:
        lines.append(f"Floor       {brief(score['floor'])} (as many real images against real ones)")
    return lines


def next_commands(run: Path) -> dict[str, str]:
    """Purpose → command, for the three things one may want to do after training ``run``."""
    folder = shlex.quote(str(run))
    overrides = _overrides(run)
    variant = next((word for word in _VARIANTS if not _sets(overrides, word)), "seed=1")
    again = " ".join(shlex.quote(word) for word in [*overrides, variant])
    return {
        "score the best checkpoint again": f"{_verb('evaluate')} ckpt={folder}",
        "draw more samples": f"{_verb('sample')} ckpt={folder}",
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
