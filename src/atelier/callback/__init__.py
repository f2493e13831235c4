"""Observers of a run: they look at training, and never change it."""
