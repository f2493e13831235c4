"""Write codes: python src/encode.py ckpt=<file or run folder>."""

from atelier.cli import main

main("encode")
