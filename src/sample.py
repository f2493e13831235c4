"""Make pictures: python src/sample.py ckpt=<file or run folder>."""

from atelier.cli import main

main("sample")
