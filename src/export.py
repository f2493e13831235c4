"""Networks for others: python src/export.py ckpt=<file or run folder> (a CycleGAN's, as the public code saves them)."""

from atelier.cli import main

main("export")
