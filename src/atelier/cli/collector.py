"""Python's garbage collector while a command starts.

It looks through all objects whenever there are a quarter more of them, and modules make nothing but more: a fifth of
the time until the first training step went there.
"""

from __future__ import annotations

import atexit
import gc

_resting = False


def rest() -> None:
    """Collect nothing until :func:`settle` or :func:`wake`."""
    global _resting  # noqa: PLW0603  # one collector, one state
    _resting = True
    gc.disable()


def settle() -> None:
    """Collect again after a rest, but do not look through what is there by now before the process ends."""
    if not _resting:
        return
    gc.freeze()
    # Libraries count what they have left when Python has collected for the last time, and complain.
    atexit.register(gc.unfreeze)
    wake()


def wake() -> None:
    """Collect again after a rest."""
    global _resting  # noqa: PLW0603  # as above
    if _resting:
        _resting = False
        gc.enable()
