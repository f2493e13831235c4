"""``compile=true``: the networks are compiled before they train."""

from __future__ import annotations

import logging
import os
from contextlib import suppress

from omegaconf import DictConfig
from pytorch_lightning import LightningModule

from atelier.cachedir import cache_dir
from atelier.config.target import resolve
from atelier.types import Compilable

COMPILED = "TORCHINDUCTOR_CACHE_DIR"
"""The environment's variable that names the folder of what was compiled."""

log = logging.getLogger(__name__)


def uncompilable(cfg: DictConfig) -> list[str]:
    """What keeps the networks from being compiled, if that is asked for."""
    wanted = cfg.get("compile", False)
    if not isinstance(wanted, bool):
        return [f"compile={wanted}: true or false"]
    if not wanted:
        return []
    mistakes = [] if _has_compiler() else [_NO_COMPILER]
    if not issubclass(resolve(cfg.model._target_), Compilable):
        mistakes.append(f"compile=true: {cfg.model._target_} has no compile_networks, which would say what to compile")
    return mistakes


def compile_networks(cfg: DictConfig, model: LightningModule) -> None:
    """Have the networks of ``model`` compiled, where ``cfg`` asks for it, as soon as a batch of each size reaches them.

    What was compiled is kept in the cache, unless TORCHINDUCTOR_CACHE_DIR names another place.
    """
    if not cfg.get("compile", False):
        return
    assert isinstance(model, Compilable)
    _choose_folder()
    # A graph for each size: which code computes a batch must not depend on the sizes that were seen before it, as a
    # resumed run has seen others.
    model.compile_networks(dynamic=False)
    log.info(
        "compiling the networks: the first steps take minutes, and less in later runs (compile=false does without)"
    )


_NO_COMPILER = (
    "compile=true: there is no C++ compiler; install one (Debian and Ubuntu: apt install g++; Fedora: dnf install "
    "gcc-c++; macOS: xcode-select --install; conda: conda install cxx-compiler), or name yours in the environment "
    "variable CXX"
)


def _choose_folder() -> None:
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    # Where torch finds no name it writes that of a temporary folder there, as soon as its compiler is imported.
    if os.environ.get(COMPILED) in (None, default_cache_dir()):
        ours = cache_dir("compiled")
        with suppress(OSError):  # where it cannot be made, torch's will do for this run
            ours.mkdir(parents=True, exist_ok=True)
            os.environ[COMPILED] = str(ours)


def _has_compiler() -> bool:
    from torch._inductor.cpp_builder import get_cpp_compiler  # takes seconds to import

    try:
        get_cpp_compiler()
    except RuntimeError:
        return False
    return True
