"""The command line: one Hydra main per verb; ``main`` for scripts, ``run`` for tests."""

from atelier.cli.interruption import leaving_quietly

with leaving_quietly():  # a script's first tenths of a second pass in here
    from atelier.cli.entry_point import main, run

__all__ = ["main", "run"]
