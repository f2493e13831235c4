"""What the words of a command line ask for: a run to go on with, or a configuration."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from atelier.cli.mistakes import Mistakes
from atelier.config.compose import compose
from atelier.config.fit import misfits
from atelier.config.override import key_of, quoted
from atelier.config.resume import wished
from atelier.config.words import conf_dir
from atelier.types import Mistake


def wish_of(arguments: Namespace) -> str | None:
    """Which run to go on with, if that is asked for."""
    try:
        wish = wished(list(map(quoted, arguments.overrides)))
    except Mistake as mistake:
        raise Mistakes([str(mistake)]) from mistake
    if wish is not None and arguments.multirun:
        raise Mistakes([f"-m and resume={wish}: one run goes on at a time"])
    if wish is not None and (arguments.cfg or arguments.info):
        raise Mistakes([f"--cfg, --info and resume={wish}: the run's configuration is the config.yaml in its folder"])
    return wish


def extra_of(arguments: Namespace) -> Path | None:
    """The folder of the user's own YAMLs."""
    return None if arguments.config_dir is None else Path(arguments.config_dir)


def composed(verb: str, words: Sequence[str], extra: Path | None) -> tuple[DictConfig | None, list[str]]:
    """The configuration that ``words`` make of the root of ``verb``, and every mistake in them."""
    cfg, mistakes = compose(conf_dir(), verb, words, extra)
    if cfg is not None:
        named = {key_of(word).split("@")[0] for word in words}
        mistakes += [text for text in misfits(cfg, named) if not _is_meant(text, mistakes)]
    return cfg, mistakes


def _is_meant(text: str, mistakes: Sequence[str]) -> bool:
    """Whether what ``text`` misses was given, and given wrongly: one slip is one mistake."""
    option, missing, _ = text.partition(" is missing: ")
    given = (f"{option}=", f"did you mean {option}?")
    return bool(missing) and any(told.startswith(given[0]) or given[1] in told for told in mistakes)
