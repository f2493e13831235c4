"""What is exported: functions of tensors, and the networks behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from atelier.network.sides import Sides

BATCHES = (1, 3)
"""Batch sizes that an export is tried with, after it was made with 2."""


@dataclass(frozen=True)
class Slot:
    """One input of a program.

    name: as the exported file calls it.
    shape: of one example, without the batch; for images that of training.
    meaning: what stands in it, for people.
    classes: None for floats; else whole numbers (int64) from 0 to classes - 1.
    sides: the heights and widths that may stand in the place of ``shape``'s, or None where it is fixed.
    normal: examples are standard normal, else uniform in [-1, 1].
    """

    name: str
    shape: tuple[int, ...]
    meaning: str
    classes: int | None = None
    sides: Sides | None = None
    normal: bool = False

    @property
    def sizes(self) -> list[tuple[int, ...]]:
        """Shapes of one example that an export is tried with: three where height and width are free."""
        if self.sides is None:
            return [self.shape]
        channels, height, width = self.shape
        step, half = self.sides.multiple, self.sides.at_least(height // 2)
        return [(channels, height, width), (channels, half, width), (channels, height + step, width + 2 * step)]

    @property
    def roomy(self) -> tuple[int, ...]:
        """``shape`` with sides of at least two parts, as many as a side's multiples are."""
        assert self.sides is not None
        return (self.shape[0], *(max(side, 2 * self.sides.multiple) for side in self.shape[1:]))

    def example(self, batch: int, shape: tuple[int, ...]) -> Tensor:
        """A ``batch`` of examples of ``shape``, the same at every call; classes stand in it in turn."""
        if self.classes is not None:
            return torch.arange(batch) % self.classes
        generator = torch.Generator().manual_seed(0)
        if self.normal:
            return torch.randn(batch, *shape, generator=generator)
        return torch.rand(batch, *shape, generator=generator).mul_(2).sub_(1)

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.facts()["shape"]))
        if self.sides is None:
            return f"{self.name} [{shape}]"
        multiples = "" if self.sides.multiple == 1 else f"multiples of {self.sides.multiple} "
        return f"{self.name} [{shape}] (height and width: {multiples}from {self.sides.smallest} on)"

    def in_numpy(self) -> str:
        """Python that makes four examples, with NumPy under the name np."""
        if self.classes is not None:
            return f"np.arange(4) % {self.classes}"
        shape = ", ".join(map(str, (4, *self.shape)))
        drawn = f"standard_normal(({shape}))" if self.normal else f"uniform(-1, 1, ({shape}))"
        return f'np.random.default_rng(0).{drawn}.astype("float32")'

    def dynamic(self) -> dict[int, Any]:
        """The dimensions that may vary, in torch.export's words."""
        free: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
        if self.sides is not None:
            least = self.sides.smallest // self.sides.multiple
            for place, side in ((2, "height"), (3, "width")):
                parts = torch.export.Dim(f"{side}_parts", min=least)
                free[place] = self.sides.multiple * parts
        return free

    def facts(self) -> dict[str, Any]:
        """The same in plain words, for a file's metadata."""
        free: list[Any] = [self.shape[0], "height", "width"] if self.sides is not None else list(self.shape)
        kind = "float32" if self.classes is None else "int64"
        facts: dict[str, Any] = {"shape": ["batch", *free], "type": kind, "meaning": self.meaning}
        if self.sides is not None:
            facts |= {"multiple": self.sides.multiple, "smallest": self.sides.smallest}
        return facts


@dataclass(frozen=True)
class Program:
    """A function of tensors: a network in evaluation mode on the CPU, with names for what goes in and comes out.

    name: of its file, without ending.
    does: what it does, for people.
    output: the name of its one output.
    gives: what that is, for people.
    """

    name: str
    does: str
    network: nn.Module
    inputs: tuple[Slot, ...]
    output: str
    gives: str

    def trials(self) -> list[tuple[Tensor, ...]]:
        """Inputs that an export is tried with: every size in every batch size."""
        sizes = max((slot.sizes for slot in self.inputs), key=len)
        return [self._inputs(batch, place) for place in range(len(sizes)) for batch in BATCHES]

    def examples(self) -> tuple[Tensor, ...]:
        """Inputs that an export is made with: of the sizes of training, but of two parts a side at least.

        Of a side of one part the exporters would conclude that it is never longer.
        """
        return tuple(slot.example(2, slot.shape if slot.sides is None else slot.roomy) for slot in self.inputs)

    def fixed(self) -> Program:
        """The same for the sizes of training alone."""
        return replace(self, inputs=tuple(replace(slot, sides=None) for slot in self.inputs))

    def dynamic(self) -> tuple[dict[int, Any], ...]:
        """Every input's dimensions that may vary."""
        return tuple(slot.dynamic() for slot in self.inputs)

    def _inputs(self, batch: int, place: int) -> tuple[Tensor, ...]:
        return tuple(slot.example(batch, slot.sizes[min(place, len(slot.sizes) - 1)]) for slot in self.inputs)

    @property
    def signature(self) -> str:
        """What it does, and with what, in one line for people."""
        return f"{self.does}: {', '.join(map(str, self.inputs))} to {self.output} {self.gives}"

    def facts(self) -> dict[str, Any]:
        """What a file's metadata say of this program."""
        return {
            "program": self.name,
            "does": self.does,
            "inputs": {slot.name: slot.facts() for slot in self.inputs},
            "output": {self.output: self.gives},
        }


@dataclass(frozen=True)
class Network:
    """A network as its class and arguments, with the weights that people use (the averaged ones where there are).

    name: of its files, without ending.
    node: its part of the configuration, resolved.
    use: what goes in and comes out, for people.
    value_range: of the images that it knows itself.
    """

    name: str
    module: nn.Module
    node: Mapping[str, Any]
    use: str
    value_range: tuple[int, int] = (-1, 1)


class Bundle(NamedTuple):
    """All that formats may choose from.

    model: as it was loaded, in evaluation mode on the CPU.
    facts: what is known of the model, as JSON has it (see :func:`atelier.task.exporting.facts.facts`).
    """

    model: nn.Module
    programs: list[Program]
    networks: list[Network]
    facts: dict[str, Any]


class Differs(RuntimeError):
    """What was exported does not compute what it should."""


def difference(one: Tensor, other: Tensor) -> float:
    """The largest absolute difference; infinite for other shapes or where a number is none."""
    if one.shape != other.shape:
        return math.inf
    largest = float((one - other).abs().max())
    return math.inf if math.isnan(largest) else largest
