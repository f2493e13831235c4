"""Where atelier keeps what it can make or fetch again."""

from __future__ import annotations

import os
from pathlib import Path

from atelier.expanded import expanded


def cache_dir(*parts: str) -> Path:
    """A folder below atelier's cache, which need not exist yet.

    The cache is ``$ATELIER_CACHE``, else ``$XDG_CACHE_HOME/atelier``, else ``~/.cache/atelier``. Everything
    in it can be deleted at any time.
    """
    named = os.environ.get("ATELIER_CACHE")
    if named:
        return expanded(named).joinpath(*parts)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache").joinpath("atelier", *parts)
