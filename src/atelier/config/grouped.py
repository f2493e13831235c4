"""What choices of groups make of a root, composed by Hydra; what is asked for again is not read again."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

_State = frozenset[tuple[Path, int]]
"""Of files: so that an edited one is read again."""

_asked: set[int] = set()


def grouped(conf: Path, root: str, words: Sequence[str]) -> DictConfig:
    """What ``words``, which choose of groups, make of ``conf/<root>.yaml``, with Hydra's own part.

    Raises:
        HydraException, OmegaConfBaseException: if they do not compose.
    """
    with initialize_config_dir(str(conf), version_base="1.3"):
        return compose(root, list(words), return_hydra_config=True)


def grouped_again(conf: Path, root: str, words: tuple[str, ...]) -> DictConfig:
    """The same; for jobs of a sweep, which mostly differ in single options, without reading the files each time.

    What is asked for once, as by most commands, is not kept: a copy takes a twentieth of the command's time.
    """
    state = _state(conf)
    asked = hash((conf, root, words, state))
    if asked in _asked:
        return copy.deepcopy(_kept(conf, root, words, state))
    _asked.add(asked)
    return grouped(conf, root, words)


@functools.lru_cache(maxsize=32)
def _kept(conf: Path, root: str, words: tuple[str, ...], state: _State) -> DictConfig:
    return grouped(conf, root, words)


def _state(conf: Path) -> _State:
    found = set()
    for file in conf.rglob("*.yaml"):
        with suppress(FileNotFoundError):  # what an editor leaves beside a file that is open in it
            found.add((file, file.stat().st_mtime_ns))
    return frozenset(found)
