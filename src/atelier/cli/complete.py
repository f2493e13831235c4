"""What can follow on a command line that is being typed: verbs, axes, options, keys, values."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from atelier.cli.flag_names import AFTER_FLAG, FLAGS
from atelier.cli.help import composed_axes, own_options
from atelier.cli.verbs import VERBS
from atelier.config.axes import AXES
from atelier.config.words import conf_dir, describe, search_path

_KNOWN = {
    "resume": ["latest"],
    "format": ["onnx", "reference", "safetensors", "torch_export"],
    "direction": ["a_to_b", "b_to_a"],
    "split": ["test", "train"],
    "device": ["cpu", "cuda", "mps"],
    "family": ["autoencoder", "cyclegan", "gan"],
}
_HYDRAS = ["launcher", "sweeper", "sweeper/pruner", "sweeper/sampler"]


class Candidate(NamedTuple):
    """A word that fits. More is to follow where it ends in ``=``, ``.`` or ``/``. meaning: a line, or ""."""

    word: str
    meaning: str = ""


def complete(verb: str | None, line: str) -> list[Candidate]:
    """What the last word of ``line`` can become; a blank at its end begins a new word.

    Nothing for a file: shells know files better.

    verb: None where the line begins with it. line: what was typed after the command or script.
    """
    words, last = _split(line)
    if verb is None:
        if not words:
            return _fitting(last, [Candidate(name, purpose) for name, purpose in VERBS.items()])
        verb, words = words[0], words[1:]
    if verb not in VERBS:
        return []
    if words and words[-1] in AFTER_FLAG:
        return _fitting(last, map(Candidate, AFTER_FLAG[words[-1]]))
    if last.startswith("-"):
        return _fitting(last, [Candidate(flag, meaning) for flag, meaning in FLAGS.items()])
    marks = re.match(r"[+~]*", last)[0]  # type: ignore[index]  # it always matches
    found = _values if "=" in last else _keys
    fitting = _fitting(last.removeprefix(marks), found(verb, words, last.removeprefix(marks)))
    return [Candidate(marks + one.word, one.meaning) for one in fitting]


def _fitting(start: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted({one for one in candidates if one.word.startswith(start)})


def _split(line: str) -> tuple[list[str], str]:
    """The whole words, and the one that is being typed."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is still open
        words = line.split()
    return (words, "") if not words or line[-1].isspace() else (words[:-1], words[-1])


def _keys(verb: str, words: Sequence[str], start: str) -> list[Candidate]:
    if "." in start:
        place = start.rpartition(".")[0]
        return [Candidate(f"{place}.{key}{'.' if below else '='}") for key, below in _below(verb, words, place)]
    axes = composed_axes(conf_dir(), verb)
    found = [Candidate(f"{axis}=", AXES[axis]) for axis in axes]
    if start:
        found += [Candidate(f"{axis}.", f"options of {axis}") for axis in axes]
        found += [Candidate(f"hydra/{group}=") for group in _HYDRAS] + [Candidate("hydra.run.dir=", "the run's folder")]
    for one in own_options(conf_dir(), verb):
        head, dot, _ = one.key.partition(".")
        found.append(Candidate(f"{head}.") if dot else Candidate(f"{head}=", one.meaning))
    return found


def _values(verb: str, words: Sequence[str], start: str) -> list[Candidate]:
    key, _, value = start.partition("=")
    before = f"{key}={value.rpartition(',')[0]}{',' if ',' in value else ''}"  # a sweep lists several
    options = _options(key, _extra(words)) if key in composed_axes(conf_dir(), verb) or "hydra/" in key else {}
    if not options:
        options = dict.fromkeys(_KNOWN.get(key, []), "") or dict.fromkeys(_as_it_is(verb, words, key), "")
    return [Candidate(before + option, meaning) for option, meaning in options.items()]


def _options(axis: str, folders: Sequence[Path]) -> dict[str, str]:
    """The options of an axis with what is said of them."""
    files = [file for folder in folders for file in sorted((folder / axis).glob("*.yaml"))]
    return {file.stem: describe(file) for file in files}


def _extra(words: Sequence[str]) -> list[Path]:
    """The folders of configuration: ours, and one of the user's."""
    own = [Path(after) for flag, after in itertools.pairwise(words) if flag in ("--config-dir", "-cd")]
    return [conf_dir(), *(folder for folder in own if folder.is_dir())]


def _as_it_is(verb: str, words: Sequence[str], key: str) -> list[str]:
    """A switch's two values, or the number that an option has."""
    own = {one.key: one.value for one in own_options(conf_dir(), verb)}
    value = own[key] if key in own else str(_selected(verb, words, key)).lower()
    if value in ("true", "false"):
        return ["true", "false"]
    return [value] if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value) else []


def _below(verb: str, words: Sequence[str], place: str) -> list[tuple[str, bool]]:
    """The keys below a place in the configuration, and whether each has more below it."""
    own = [
        one.key.removeprefix(f"{place}.") for one in own_options(conf_dir(), verb) if one.key.startswith(f"{place}.")
    ]
    if own:
        return [(key, False) for key in own]
    from omegaconf import DictConfig, OmegaConf

    def keys(node: Any) -> list[tuple[str, bool]]:
        if not isinstance(node, DictConfig):
            return []
        raw = node.items_ex(resolve=False)
        return [(str(key), OmegaConf.is_config(value)) for key, value in raw if str(key) != "_target_"]

    return keys(_selected(verb, words, place))


def _selected(verb: str, words: Sequence[str], place: str) -> Any:
    """What the configuration has at ``place`` with the words so far (without them, if they are wrong); else None."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from atelier.cli.mistakes import Mistakes
    from atelier.cli.spelling import spelled
    from atelier.config.environment import register_resolvers

    register_resolvers()
    given = [word for word in words if "=" in word and not word.startswith(("resume=", "-"))]
    path = [word for folder in _extra(words)[1:] for word in search_path(folder)]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for attempt in (given, []):
            try:
                return OmegaConf.select(compose(verb, [*path, *spelled(verb, attempt)]), place)
            except (Mistakes, HydraException, OmegaConfBaseException):
                continue
    return None
