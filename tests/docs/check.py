"""Whether a command says what there is: at a glance, or composed and checked as the command line does it."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from keys import keys
from said import Command

from atelier.cli.spelling import spelled
from atelier.cli.verbs import VERBS
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.override import key_of, parse, wrong_choice
from atelier.config.sweep import expand
from atelier.config.words import conf_dir, groups


@functools.cache
def _known() -> tuple[dict[str, list[str]], frozenset[str]]:
    """Groups with their options, and all keys that some option has, with all that lie above them."""
    conf = conf_dir()
    options = groups(conf)
    names = {
        key.name
        for group, files in options.items()
        for name in files
        for key in keys(conf / group / f"{name}.yaml", group)
    }
    names |= {key.name for verb in VERBS for key in keys(conf / f"{verb}.yaml", "")}
    above = {".".join(parts[:depth]) for name in names if (parts := name.split(".")) for depth in range(1, len(parts))}
    return options, frozenset(names | above)


def glance(command: Command) -> list[str]:
    """What no YAML of conf/ knows: a second's worth of reading, nothing is composed."""
    options, known = _known()
    if command.verb not in VERBS:
        return [f"no verb {command.verb}"]
    words = spelled(command.verb, command.words)
    singles = [single for job in (expand(words) if command.sweep else [words]) for single in job]
    parsed, mistakes = parse(singles)
    for override in parsed:
        name = (override.key_or_group or "").split("@")[0]
        if name in options and (text := wrong_choice(override, options, set(options))):
            mistakes.append(text)
        elif name not in options and name not in known and not name.startswith("hydra") and "_target_" not in name:
            mistakes.append(f"no option {name}")
    return mistakes


def composed(command: Command, base: Sequence[str] = ()) -> list[str]:
    """Every mistake that the command line would answer with before it imports torch.

    base: words that stand beside the command's, but for those of which it names the axis itself.
    """
    register_resolvers()
    own = {word.partition("=")[0] for word in command.words}
    words = spelled(command.verb, [*(word for word in base if word.partition("=")[0] not in own), *command.words])
    mistakes = []
    for job in expand(words) if command.sweep else [words]:
        cfg, found = compose(conf_dir(), command.verb, job)
        mistakes += found
        if cfg is not None:
            mistakes += misfits(cfg, {key_of(word).split("@")[0] for word in job})
    return mistakes
