"""The command line: one Hydra main per verb; ``main`` for scripts, ``run`` for tests."""

from atelier.cli.entry_point import main, run

__all__ = ["main", "run"]
