"""Runs beside one another: python src/compare.py outputs/sweeps/<time> (--help lists the rest)."""

from atelier.cli import main

main("compare")
