"""What else is wrong beside wrong words: values that only the parts which they are for can refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from atelier.config.compose import judge
from atelier.config.override import key_of
from atelier.config.words import conf_dir, groups

WrongValues = Callable[[DictConfig], list[str]]


def set_aside(words: Sequence[str], told: Collection[str]) -> list[str]:
    """``words`` without those that are ``told`` of."""
    return [word for word in words if not any(text.startswith((f"{word}:", f"{word} ", repr(word))) for text in told)]


def overlooked(
    verb: str, words: Sequence[str], extra: Path | None, told: Collection[str], wrong_values: WrongValues
) -> list[str]:
    """What the parts refuse of the single options among ``words``, of which others are wrong already.

    Of options that nobody typed nothing is said: with wrong words set aside, the parts are perhaps not those that were
    meant. Where no option is left, torch is not loaded.

    told: what is known to be wrong. wrong_values: of a configuration, what the parts say of its options.
    """
    done = {found[0] for text in told if (found := re.search(r"[\w./]+", text))}  # each begins with its option
    passed_over = {*groups(conf_dir()), *done}
    options = [key for word in words if (key := key_of(word)) not in passed_over and not key.startswith("hydra")]
    cfg = judge(conf_dir(), verb, words, extra).cfg if options else None
    if cfg is None:
        return []
    try:
        for key in OmegaConf.missing_keys(cfg):
            OmegaConf.update(cfg, key, "missing")  # has been told
        said = wrong_values(cfg)
    except Exception:  # of parts that do not fit together any may fail, and what is known already is told in any case
        return []
    return [text for text in said if text.startswith(tuple(f"{key}{end}" for key in options for end in "=:. "))]
