"""Translate pictures: python src/translate.py ckpt=<file or run folder> input=<pictures> output=<folder>."""

from atelier.cli import main

main("translate")
