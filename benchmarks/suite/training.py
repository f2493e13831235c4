"""A training step against plain loops and the machine's ceiling: compared, timed, weighed, each in its own process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.config.build import build
from atelier.task.driver_checks import spare_driver_checks
from suite import games
from suite.alone import companion
from suite.ceiling import Ceiling, Recorder
from suite.games import Game
from suite.how import How
from suite.machine import settling
from suite.memory import Peak
from suite.ours import Batch, Endless, configured, fit, on
from suite.race import FirstStep, Race
from suite.turns import Contender, timed

_EXACT = 1e-9
"""Two programs of one function in float64 differ by rounding alone."""
_CLOSE = 1e-4
"""In float32."""


def compare(how: How) -> tuple[str, str]:
    """The game in words, and what the contenders' losses and gradients have to do with each other.

    Small images: every loss and the whole gradient in float64 (with compiling where it is asked for); then the
    gradients in the numbers of the race, against float64.
    """
    game = _game(how)
    exact = _first(game, how, "64-true", {"plain": torch.float64})
    loss, gradient = exact.losses_apart("plain"), exact.gradients_apart("plain")
    if max(loss, gradient) > _EXACT:
        raise ValueError(f"float64: losses {loss:.1e}, gradients {gradient:.1e} apart from the plain loop's")
    said = f"float64 losses {loss:.0e}, gradients {gradient:.0e} apart"
    if how.device == "mps":  # has no float64
        return game.said, said
    loops = {"plain": torch.float32, "true": torch.float64}
    rough = _first(game, how, how.precision, loops)
    mine, theirs = rough.gradients_apart("true"), rough.gradients_apart("true", of="plain")
    return game.said, f"{said}; gradient off float64's by {mine:.1e} (the plain loop's by {theirs:.1e})"


def _game(how: How) -> Game:
    name, size = how.game
    found: Game = getattr(games, name)(size)
    return found


def _first(game: Game, how: How, precision: str, loops: Mapping[str, torch.dtype]) -> FirstStep:
    """A step on small images beside plain loops of the given kinds of numbers."""
    words, batch, side = game.small
    # Apple's devices have no float64: there the comparison is the processor's.
    device = "cpu" if how.device == "mps" else how.device
    cfg = configured([*words, *how.extra, f"trainer.precision={precision}"], device)
    given: dict[str, Any] = {}

    def prepare(model: LightningModule) -> None:
        given.update(game.same(model, batch))

    makers = {name: partial(_make, game, dtype=dtype, given=given) for name, dtype in loops.items()}
    step = FirstStep(makers)
    fit(cfg, Endless(game.noise(batch, side)), step, prepare)
    return step


def _make(game: Game, model: Any, *, dtype: torch.dtype, given: Mapping[str, Any]) -> Any:
    return game.plain(model, dtype=dtype, **given)


def race(how: How) -> dict[str, list[float]]:
    """Seconds of a step of every contender, round by round.

    They are "atelier", "ceiling", the plain loops, and atelier as it is where ``how`` has it compiled.
    """
    from torch._dynamo.utils import counters

    game = _game(how)
    words = [*game.words, f"trainer.precision={how.precision}"]
    recorder = Recorder()
    # Compiled code runs past the recorder: the operations are those of the step as it is without compiling.
    fit(configured(words, how.device), Endless(game.noise(game.batch, game.side)), _OneStep(recorder))
    settle, device = settling(how.device), torch.device(how.device)

    with ExitStack() as stack:
        # Memory is theirs alone as well: what a process has let go of, another cannot find at hand.
        loops = {
            name: stack.enter_context(companion("suite.training.contender", how, mode))
            for name, mode in _modes(how.device).items()
        }

        def rivals(model: LightningModule) -> dict[str, Contender]:
            found = dict(loops)
            if how.extra:
                step = partial(_uncompiled_step, model, _batches(game), device)
                found[f"atelier without {' '.join(how.extra)}"] = timed(step, settle)
            return {**found, "ceiling": timed(Ceiling(recorder, settle), settle)}

        watcher = Race(rivals, how.rounds, settle, most_seconds=how.most_seconds)
        fit(configured([*words, *how.extra], how.device), Endless(game.noise(game.batch, game.side)), watcher)
    if how.extra and not counters["frames"]["ok"]:
        raise ValueError(f"{' '.join(how.extra)}: nothing was compiled")
    return watcher.counted()


def _modes(device: str) -> dict[str, str | None]:
    """The plain loops by name, and how they multiply float32: None leaves it to torch."""
    if device == "cuda":
        return {"plain loop, float32 (TF32 in convolutions alone)": None, "plain loop, TF32 everywhere": "tf32"}
    return {"plain loop, float32": None}


def contender(how: How, mode: str | None) -> Contender:
    """The plain loop; ``mode`` is how it multiplies float32."""
    spare_driver_checks()  # a loop without Lightning makes none
    game = _game(how)
    step = partial(_plain_step, _plain_alone(game, how), _batches(game), torch.device(how.device), mode)
    return timed(step, settling(how.device))


def _batches(game: Game) -> Iterator[Batch]:
    return itertools.cycle([game.noise(game.batch, game.side)(seed) for seed in range(8)])


def _plain_step(loop: Any, batches: Iterator[Batch], device: torch.device, mode: str | None) -> None:
    with _multiplying(mode):
        loop.step(on(next(batches), device))


def _uncompiled_step(model: LightningModule, batches: Iterator[Batch], device: torch.device) -> None:
    """The step of a compiled model as its networks would take it plainly."""
    with torch.compiler.set_stance("force_eager"):
        model.trainer.strategy.training_step(on(next(batches), device), 0)


@contextmanager
def _multiplying(mode: str | None) -> Iterator[None]:
    if mode is None:
        yield
        return
    places: Any = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    former = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = mode
    try:
        yield
    finally:
        for place, precision in zip(places, former, strict=True):
            place.fp32_precision = precision


def weigh(how: How, contender: str) -> int | None:
    """The contender's peak of memory in its second and third step, alone in this process."""
    game = _game(how)
    noise = game.noise(game.batch, game.side)
    if contender == "atelier":
        data = Endless(noise)
        watcher = _ThreeSteps(Peak(how.device))
        fit(configured([*game.words, *how.extra, f"trainer.precision={how.precision}"], how.device), data, watcher)
        return watcher.bytes
    batch, device = noise(0), torch.device(how.device)
    peak = Peak(how.device)
    loop = _plain_alone(game, how)
    loop.step(on(batch, device))
    peak.again()
    for _ in range(2):
        loop.step(on(batch, device))
    return peak.taken()


def _plain_alone(game: Game, how: How) -> Any:
    model = build(configured(game.words).model).to(how.device)
    return game.plain(model, dtype=torch.float32)


class _OneStep(Callback):
    """Records the operations of one step, and ends."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def on_train_batch_start(self, *_: Any) -> None:
        self._recorder.__enter__()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._recorder.__exit__(None, None, None)
        trainer.should_stop = True


class _ThreeSteps(Callback):
    """Reads the peak of the second and third step."""

    def __init__(self, peak: Peak) -> None:
        self._peak, self._steps = peak, 0
        self.bytes: int | None = None

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._steps += 1
        if self._steps == 1:
            self._peak.again()
        trainer.should_stop = self._steps == 3
        self.bytes = self._peak.taken()
