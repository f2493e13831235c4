from __future__ import annotations

import torch

from atelier.pixels import to_bytes, to_unit

ALL = torch.arange(256, dtype=torch.uint8)


def test_the_two_are_inverse_on_all_bytes() -> None:
    unit = to_unit(ALL)
    assert unit.dtype == torch.float32
    assert unit[0] == -1.0
    assert unit[-1] == 1.0
    assert torch.equal(to_bytes(unit), ALL)


def test_bytes_are_the_nearest_and_clamped() -> None:
    nearly = to_unit(ALL) + torch.where(ALL % 2 == 0, 0.4, -0.4) / 127.5
    assert torch.equal(to_bytes(nearly), ALL)
    assert to_bytes(torch.tensor([-7.0, 7.0, float("inf"), -float("inf")])).tolist() == [0, 255, 255, 0]


def test_half_precision_is_widened_first() -> None:
    # bfloat16 holds 1 - 2^-8, which is byte 254.5 before rounding to even; x + 1 in bfloat16 would lose it.
    nearly_one = torch.tensor([1 - 2**-8], dtype=torch.bfloat16)
    assert to_bytes(nearly_one).item() == round((float(nearly_one) + 1) * 127.5)


def test_arguments_are_left_alone() -> None:
    unit = to_unit(ALL)
    before = unit.clone()
    to_bytes(unit)
    assert torch.equal(unit, before)
