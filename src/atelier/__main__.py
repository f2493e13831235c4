"""Every verb as a module's: python -m atelier train (--help lists them)."""

from atelier.cli import main

main()
