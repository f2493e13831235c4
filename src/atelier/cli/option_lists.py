"""Several values of one option, as people write them: ``ckpt=first,second``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from atelier.expanded import expanded
from atelier.types import Mistake


def as_list(words: Sequence[str], option: str) -> list[str]:
    """``option=a,b`` as ``option=[a,b]``: Hydra would take the bare form for a sweep. A place of that name is one."""
    return [_listed(word) if word.startswith(f"{option}=") else word for word in words]


def _listed(word: str) -> str:
    option, _, value = word.partition("=")
    if "," not in value or value[0] in "[\"'" or _exists(value):
        return word
    # Hydra reads quoted text as JSON has it, but for other escapes than of quotes and backslashes.
    return f"{option}=[{','.join(json.dumps(part, ensure_ascii=False) for part in value.split(','))}]"


def _exists(value: str) -> bool:
    with suppress(Mistake):  # ~ with a name that is nobody's
        return expanded(value).exists()
    return False
