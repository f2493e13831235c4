"""The rows of the table by name, with their sizes on each kind of device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from suite import startup
from suite.alone import alone
from suite.how import How
from suite.row import LeftOutError, Row, compared
from suite.turns import quartiles, ratios

Measure = Callable[[], list[Row]]


def measures(device: str, *, quick: bool) -> dict[str, Measure]:
    """Name -> what measures its rows, what takes longest last. Nothing heavy is imported before one is called."""
    return {**_steps(device, quick), **_others(device, quick), **({} if quick else _compiled(device))}


def _steps(device: str, quick: bool) -> dict[str, Measure]:
    """Training steps as they come."""
    step = {"device": device, "quick": quick, "rounds": _rounds(device, quick)}
    half = {"precision": "bf16-mixed"}
    found: dict[str, Measure] = {}
    for side in (64,) if quick else (128, 256):
        for way, precision in {"": {}, "_bf16": half}.items():
            found[f"cyclegan{side}{way}"] = partial(_training, ("cyclegan", side), seconds=100, **step, **precision)
    batch = 32 if quick else 128
    found["dcgan64"] = partial(_training, ("dcgan", batch), seconds=100, **step)
    found["dcgan64_bf16"] = partial(_training, ("dcgan", batch), seconds=100, **step, **half)
    batch = 512 if device != "cpu" else 16 if quick else 64
    found["r3gan"] = partial(_training, ("r3gan", batch), seconds=100, **step)
    return found


def _compiled(device: str) -> dict[str, Measure]:
    """Training steps that are compiled first, which takes minutes."""
    step = {"device": device, "quick": False, "rounds": _rounds(device, False), "extra": ("compile=true",)}
    found: dict[str, Measure] = {
        f"cyclegan{side}_compiled": partial(_training, ("cyclegan", side), seconds=100, **step) for side in (128, 256)
    }
    if device == "cuda":
        half = {"precision": "bf16-mixed"}
        found["cyclegan256_bf16_compiled"] = partial(_training, ("cyclegan", 256), seconds=100, **step, **half)
    return found


def _rounds(device: str, quick: bool) -> int:
    return (2 if quick else 8) if device == "cpu" else (6 if quick else 20)


def _others(device: str, quick: bool) -> dict[str, Measure]:
    """All that is no training step."""
    found: dict[str, Measure] = {
        "first_run": partial(_machinery, "first_run", device, 4 if quick else 30),
        "machinery": partial(_machinery, "machinery", device, 8 if quick else 40),
    }
    images, first, later, batches = (50, 2, 3, (1,)) if quick else (1_000, 5, 9, (1, 16))
    found["loading"] = partial(alone, "suite.loading.rows", images, first, later, batches)
    rounds = 2 if quick else 5
    for count in (1_000,) if quick else (1_000, 10_000):
        found[f"frechet{count}"] = partial(alone, "suite.scores.frechet", count, device, rounds)
    fakes = 2_000 if quick else 10_000
    found["evaluation"] = partial(alone, "suite.scores.evaluation", fakes, device, rounds)
    found["startup"] = partial(_startup, quick)
    return found


def _training(game: tuple[str, int], quick: bool, **how: Any) -> list[Row]:
    """Compared, timed and (unless ``quick``) weighed, each in a process of its own; a row for every plain loop."""
    if not alone("suite.ours.understood", how.get("extra", ())):
        raise LeftOutError(f"this version does not know {' '.join(how['extra'])}")
    if how.get("precision") == "bf16-mixed" and not alone("suite.machine.halves", how["device"]):
        raise LeftOutError("this device has no instructions for bfloat16 and would mimic them")
    on = How(game, rounds=how.pop("rounds"), most_seconds=how.pop("seconds") / (4 if quick else 1), **how)
    said, note = alone("suite.training.compare", on)
    seconds = alone("suite.training.race", on)
    memory = None if quick else tuple(alone("suite.training.weigh", on, name) for name in ("atelier", "plain"))
    ours = seconds.pop("atelier")
    share = quartiles(ratios(seconds.pop("ceiling"), ours)).middle
    name = f"{said}, {_NUMBERS[on.precision]} {' '.join(on.extra)}".strip()
    more = {"ceiling": share, "memory": memory, "note": note}
    return [compared(name, against, "speed", ours, theirs, **more) for against, theirs in seconds.items()]


_NUMBERS = {"32-true": "float32", "bf16-mixed": "bfloat16"}


def _machinery(name: str, device: str, rounds: int) -> list[Row]:
    note = f"bar on, logging every 50 steps, turns of 50 steps; {alone('suite.machinery.same_game', name)}"
    seconds = alone("suite.machinery.race", name, device, rounds)
    against, pair = "the recipe in a plain loop", (seconds["atelier"], seconds["plain"])
    if name == "machinery":
        return [compared("machinery alone: two tiny MLPs, batch 4", against, "cost", *pair, asked=1.0, note=note)]
    said = "the first run (experiment=dcgan_digits), batch 32"
    return [compared(said, against, "overhead", *pair, asked=0.05, note=note)]


def _startup(quick: bool) -> list[Row]:
    return startup.rows(2, train=False) if quick else startup.rows(3, train=True)
