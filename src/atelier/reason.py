"""Why something failed, in one line."""

from __future__ import annotations


def said(error: BaseException) -> str:
    """What ``error`` says; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def told(error: BaseException, most: int = 300) -> str:
    """The kind of ``error`` and what it says, in at most so many characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]
