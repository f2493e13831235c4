"""The command line: one Hydra main per verb; ``main`` for scripts, ``run`` for tests."""

from atelier.cli.interruption import leaving_quietly, left_to_the_leader

left_to_the_leader()
with leaving_quietly():  # a script's first tenths of a second pass in here
    from atelier.cli.entry_point import main, run

__all__ = ["main", "run"]
