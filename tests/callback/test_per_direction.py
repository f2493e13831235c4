from __future__ import annotations

from atelier.callback.per_direction import Twins, twins


def test_names_of_both_sides_are_brought_together_in_order() -> None:
    names = [
        *("val/fid", "val/fid_b_to_a", "val/fid_a_to_b", "val/cycle_l1_a", "g/cycle_a", "val/cycle_l1_b"),
        *("d/b/accuracy_real", "d/a/accuracy_real", "g/identity_a", "d/a/loss"),
    ]
    assert twins(names) == [
        Twins("val/fid", "val/fid_a_to_b", "val/fid_b_to_a", ("a to b", "b to a")),
        Twins("val/cycle_l1", "val/cycle_l1_a", "val/cycle_l1_b", ("domain a", "domain b")),
        Twins("d/accuracy_real", "d/a/accuracy_real", "d/b/accuracy_real", ("domain a", "domain b")),
    ]


def test_names_without_a_side_stand_alone() -> None:
    assert twins(["value", "g/loss", "d/loss", "val/ms_ssim", "a", "b", "_a", "_b"]) == []
