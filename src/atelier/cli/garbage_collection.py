"""Python's garbage collector while a command starts.

It looks through all objects whenever there are a quarter more of them, and modules make nothing but more: a fifth of
the time until the first training step went there.
"""

from __future__ import annotations

import atexit
import gc


def rest() -> None:
    """Collect nothing until :func:`settle` or :func:`wake`."""
    gc.disable()


def settle() -> None:
    """After a rest, collect again, but do not look through what is there by now before the process ends."""
    if gc.isenabled():
        return
    gc.freeze()
    # Libraries count what they have left when Python has collected for the last time, and complain.
    atexit.register(gc.unfreeze)
    wake()


def wake() -> None:
    """Collect again."""
    gc.enable()
