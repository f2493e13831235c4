"""Keys and passwords: what neither an answer nor a dashboard may repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(secret)"

_NAME = r"(?:token|password|secret|credentials?|api_?key)"
_OPTION = re.compile(rf"{_NAME}$", re.IGNORECASE)
_TYPED = re.compile(rf"({_NAME}=)[^\s:;,]+", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(text: str) -> str:
    """``text`` with a word in the place of what was typed as a key or a password, also in an address."""
    return _LOGIN.sub(HIDDEN, _TYPED.sub(rf"\1{HIDDEN}", text))


def without_secrets(value: Any) -> Any:
    """``value`` with a word in the place of what its option's name calls secret, and without logins in addresses."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if _is_secret(key, inner) else without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return re.sub(rf"{_LOGIN.pattern}@", "", value) if isinstance(value, str) else value


def _is_secret(option: object, value: object) -> bool:
    return isinstance(value, str) and _OPTION.search(str(option)) is not None
