from __future__ import annotations

import pytest

from suite.row import Report, cells, columns, compared, markdown, timed


def test_every_kind_of_figure_is_its_formula() -> None:
    ours, theirs = [0.2, 0.4], [0.3, 0.6]
    assert compared("w", "p", "speed", ours, theirs).figure.middle == pytest.approx(1.5)
    assert compared("w", "p", "overhead", theirs, ours).figure.middle == pytest.approx(0.5)
    assert compared("w", "p", "cost", theirs, ours).figure.middle == pytest.approx(150.0)  # ms
    assert timed("w", ours).figure.middle == pytest.approx(0.3)


def test_what_was_asked_for_is_judged_the_right_way_round() -> None:
    twice = ([1.0, 1.0], [2.0, 2.0])
    assert compared("w", "p", "speed", *twice, asked=1.9).kept is True
    assert compared("w", "p", "speed", *twice, asked=2.1).kept is False
    assert compared("w", "p", "overhead", *twice[::-1], asked=0.9).kept is False
    assert timed("w", [0.5], asked=1.0).kept is True
    assert timed("w", [0.5]).kept is None


def test_a_report_says_what_it_has_and_what_it_lacks() -> None:
    row = compared("a step", "a loop", "speed", [1.0], [2.0], asked=3.0, ceiling=0.5, memory=(2**20, None), note="so")
    report = Report("a machine", [row, timed("--help", [0.5])], {"half": "no such numbers"}, {"frechet": "no memory"})
    assert len(cells(row)) == len(columns())
    page = markdown(report)
    for word in (
        "a machine",
        "2.00 x",
        "NO: ≥ 3.00 x",
        "50%",
        "1 / -",
        "- a step: so",
        "left out: half: no such",
        "FAILED: frechet: no",
    ):
        assert word in page
