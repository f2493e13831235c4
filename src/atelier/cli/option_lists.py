"""Several values of one option, as people write them: ``ckpt=first,second``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def as_list(words: Sequence[str], option: str) -> list[str]:
    """``option=a,b`` as ``option=[a,b]``: Hydra would take the bare form for a sweep. A place of that name is one."""
    return [_listed(word) if word.startswith(f"{option}=") else word for word in words]


def _listed(word: str) -> str:
    option, _, value = word.partition("=")
    if "," not in value or value[0] in "[\"'" or Path(value).expanduser().exists():
        return word
    # Hydra reads quoted text as JSON has it, but for other escapes than of quotes and backslashes.
    return f"{option}=[{','.join(json.dumps(part, ensure_ascii=False) for part in value.split(','))}]"
