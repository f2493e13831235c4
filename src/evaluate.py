"""Score a checkpoint: python src/evaluate.py ckpt=<file or run folder>."""

from atelier.cli import main

main("evaluate")
