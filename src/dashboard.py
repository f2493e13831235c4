"""A workspace at Weights & Biases: python src/dashboard.py project=atelier (--help lists the rest)."""

from atelier.cli import main

main("dashboard")
