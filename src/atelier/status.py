"""What a process leaves with: 0 is done, 1 a failure of ours, 2 a mistake of the user's."""

INTERRUPTED = 130
"""Ctrl-C."""

TERMINATED = 143
"""SIGTERM, or a signal that stands for it."""
