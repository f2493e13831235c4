"""Pass images through a code: python src/reconstruct.py ckpt=<file or run folder>."""

from atelier.cli import main

main("reconstruct")
