"""A web page for trained models: python src/serve.py ckpt=<run folder> (only this machine can open it)."""

from atelier.cli import main

main("serve")
