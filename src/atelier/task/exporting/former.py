"""What earlier exports of the same weights left in a folder: their cards say it of themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atelier.task.exporting.written import Written

# A comment of Markdown's, at the end of a card.
_RECORD = re.compile(r"<!-- exported: (.*) -->")

# As JSON has them: two of them bare would end the comment.
_HYPHENS = r"\u002d\u002d"


def record(facts: Mapping[str, Any], written: Sequence[Written]) -> str:
    """The line by which :func:`former` knows ``written`` again, exported from the model of these facts."""
    files = [[one.file.name, one.does, one.how, one.apart] for one in written]
    text = json.dumps([_identity(facts), files])
    return f"<!-- exported: {text.replace('--', _HYPHENS)} -->"


def former(folder: Path, facts: Mapping[str, Any]) -> list[Written]:
    """The files in ``folder`` that were exported from the model of these facts before."""
    try:
        found = _RECORD.search((folder / "README.md").read_text(encoding="utf-8"))
        identity, files = json.loads(found[1]) if found else (None, [])
        known = [Written(folder / Path(name).name, does, how, float(apart)) for name, does, how, apart in files]
    except (OSError, ValueError, TypeError):  # another card, or one that somebody edited
        return []
    return [one for one in known if one.file.is_file()] if identity == _identity(facts) else []


def _identity(facts: Mapping[str, Any]) -> list[Any]:
    return [facts.get(name) for name in ("source_run", "images_seen", "command")]
