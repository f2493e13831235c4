"""How fast the machine computes convolutions and matrix products of given shapes, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from suite.turns import stopwatch

_aten = torch.ops.aten
_HEAVY = {
    _aten.convolution.default,
    _aten.convolution_backward.default,
    _aten.mm.default,
    _aten.addmm.default,
    _aten.bmm.default,
    _aten.baddbmm.default,
}


class Shape(NamedTuple):
    """A tensor of a call, without its numbers."""

    sizes: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


class Recorder(TorchDispatchMode):
    """While it is entered: counts the convolutions and products that run, forward and backward, by their shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[Hashable] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Count, and let the operation run."""
        if func in _HEAVY:
            self.calls[func, _described(args)] += 1
        return func(*args, **(kwargs or {}))


class Ceiling:
    """All recorded calls on random numbers, one after another, each in the memory layout that is faster for it."""

    def __init__(self, recorder: Recorder, settle: Callable[[], None]) -> None:
        assert recorder.calls, "no convolution and no product was recorded"
        self._calls = [(_fastest(func, shapes, settle), count) for (func, shapes), count in recorder.calls.items()]

    def __call__(self) -> None:
        """Compute them."""
        with torch.no_grad():
            for call, count in self._calls:
                for _ in range(count):
                    call()


def _described(value: Any) -> Hashable:
    if isinstance(value, Tensor):
        return Shape(tuple(value.shape), value.dtype, value.device)
    return tuple(map(_described, value)) if isinstance(value, list | tuple) else value


def _fastest(func: Any, shapes: Any, settle: Callable[[], None]) -> Callable[[], object]:
    layouts = [torch.contiguous_format]
    if any(isinstance(part, Shape) and len(part.sizes) == 4 for part in shapes):
        layouts.append(torch.channels_last)
    found = {}
    for layout in layouts:
        arguments = [_filled(part, layout) for part in shapes]

        def call(arguments: list[Any] = arguments) -> object:
            return func(*arguments)

        call()
        found[min(stopwatch(call, settle) for _ in range(2))] = call
    return found[min(found)]


def _filled(part: Any, layout: torch.memory_format) -> Any:
    if not isinstance(part, Shape):
        return list(part) if isinstance(part, tuple) else part
    numbers = torch.randn(part.sizes, device=part.device).to(part.dtype)
    return numbers.contiguous(memory_format=layout) if numbers.ndim == 4 else numbers
