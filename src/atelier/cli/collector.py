"""Python's garbage collector while a command starts.

It looks through all objects whenever there are a quarter more of them, and modules make nothing but more: a fifth of
the time until the first training step went there.
"""

from __future__ import annotations

import atexit
import gc


def rest() -> None:
    """Collect nothing from now on."""
    gc.disable()


def resume() -> None:
    """Collect again, but do not look through what is there by now before the process ends."""
    gc.freeze()
    gc.enable()
    # Libraries count what they have left when Python has collected for the last time, and complain.
    atexit.register(gc.unfreeze)
