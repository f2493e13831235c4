"""Train a model: python src/train.py model=dcgan data=digits (--help lists the rest)."""

from atelier.cli import main

main("train")
