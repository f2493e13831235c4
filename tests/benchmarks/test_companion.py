from __future__ import annotations

import os
import signal

import pytest

from suite.alone import alone, companion

pytestmark = pytest.mark.thorough


def test_what_was_made_over_there_is_called_over_there() -> None:
    with companion("functools.partial", os.getpid) as pid:
        first, second = pid(), pid()
    assert first == second != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_what_is_raised_over_there_is_raised_here_and_the_next_call_is_answered() -> None:
    with companion("functools.partial", int) as number:
        with pytest.raises(ValueError, match="invalid literal"):
            number("x")
        assert number("11", base=2) == 3


def test_an_answer_that_cannot_travel_says_so() -> None:
    with pytest.raises(RuntimeError, match="cannot be sent: cannot pickle"):
        alone("threading.Lock")


def test_a_process_that_is_killed_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"signal.raise_signal.* ended without a word .status -9.: out of memory"):
        alone("signal.raise_signal", signal.SIGKILL)
