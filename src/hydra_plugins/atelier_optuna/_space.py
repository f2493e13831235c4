"""From Hydra's notation of sweeps to Optuna's distributions, and from drawn parameters back to words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from atelier.types import Mistake

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, FloatDistribution


class Space(NamedTuple):
    """What a study looks for: distributions by option, and the words that stay the same in all trials."""

    distributions: dict[str, BaseDistribution]
    fixed: list[str]

    def words(self, params: Mapping[str, Any]) -> list[str]:
        """The overrides of the trial that has ``params``."""
        drawn = (f"{key}={_tidy(self.distributions[key], value)}" for key, value in params.items())
        return [*self.fixed, *drawn]


def parsed(words: Sequence[str]) -> Space:
    """The space that ``words`` span.

    ``a,b``, ``choice(a,b)`` and ``range`` become categories or steps, ``interval`` a continuous range of numbers, of
    whole ones as ``int(interval(1, 9))``; ``tag(log, ...)`` draws evenly over orders of magnitude. Categories are kept
    as they would be typed, so that any value which can be an override can be one.

    Raises:
        Mistake: for what cannot be drawn.
    """
    space = Space({}, [])
    for override in OverridesParser.create().parse_overrides(list(words)):
        if override.is_sweep_override():
            space.distributions[override.get_key_element()] = _distribution(override)
        else:
            space.fixed.append(str(override.input_line))
    return space


def grid(space: Space) -> dict[str, list[Any]]:
    """Every value of every option.

    Raises:
        Mistake: for an interval, which has no end of them.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values: dict[str, list[Any]] = {}
    for key, spread in space.distributions.items():
        if isinstance(spread, CategoricalDistribution):
            values[key] = list(spread.choices)
        elif isinstance(spread, IntDistribution):
            values[key] = list(range(spread.low, spread.high + 1, spread.step))
        elif isinstance(spread, FloatDistribution) and spread.step is not None:
            steps = round((spread.high - spread.low) / spread.step)
            values[key] = [_stepped(spread, number) for number in range(steps + 1)]
        else:
            raise Mistake(f"{key}: hydra/sweeper/sampler=grid goes through lists and ranges, not intervals")
    return values


def _stepped(spread: FloatDistribution, number: int) -> float:
    """The value ``number`` steps above the lowest, as one would write it: 0.3 and twice 0.3 are 0.9."""
    return float(Decimal(str(spread.low)) + number * Decimal(str(spread.step)))


def _tidy(spread: BaseDistribution, value: Any) -> Any:
    """A drawn value; of an even row of numbers without what was lost in adding up."""
    step = getattr(spread, "step", None)
    if not isinstance(value, float) or step is None:
        return value
    spread = cast("FloatDistribution", spread)
    return _stepped(spread, round((value - spread.low) / step))


def n_combinations(space: Space) -> int:
    """How many trials a grid has."""
    return math.prod(len(values) for values in grid(space).values())


def _distribution(override: Override) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution

    word, sweep = override.input_line, override.value()
    tags: set[str] = getattr(sweep, "tags", set())
    if tags - {"log"}:
        raise Mistake(f"{word}: there is no tag {', '.join(sorted(tags - {'log'}))} (there is: log)")
    try:
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep, log=bool(tags))
        if isinstance(sweep, RangeSweep) and not sweep.shuffle:
            return _range(sweep, log=bool(tags))
    except ValueError as error:
        raise Mistake(f"{word}: {error}") from error
    if tags:
        raise Mistake(f"{word}: log is for interval(...) and range(...)")
    return CategoricalDistribution(list(dict.fromkeys(override.sweep_string_iterator())))


def _interval(sweep: IntervalSweep, *, log: bool) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    low, high = sweep.start, sweep.end
    assert low is not None
    assert high is not None
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _range(sweep: RangeSweep, *, log: bool) -> BaseDistribution:
    """An even row of numbers; Hydra's ranges leave out their end, and Optuna's do not."""
    from optuna.distributions import FloatDistribution, IntDistribution

    values = list(sweep.range())
    if not values:
        raise ValueError("this range is empty")
    # By their decimals: what is added up in floats is no whole number of steps, and Optuna would drop the last value.
    first, step = Decimal(str(values[0])), Decimal(str(sweep.step))
    low, high = sorted((first, first + (len(values) - 1) * step))
    if all(isinstance(value, int) for value in values):
        if log and abs(step) != 1:
            raise ValueError("a range on a log scale has steps of 1")
        return IntDistribution(int(low), int(high), log=log, step=int(abs(step)))
    if log:
        raise ValueError("log and steps exclude one another; use tag(log, interval(...))")
    return FloatDistribution(float(low), float(high), step=float(abs(step)))
