"""Going on with a stored run: which one, and with what configuration. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.anchored import anchored
from atelier.config.cluster import restarted
from atelier.config.compose import compose
from atelier.config.fit import misfits
from atelier.config.override import key_of, parse
from atelier.expanded import expanded
from atelier.run_folder import RunFolder
from atelier.types import Mistake

ABSENT = "(nothing)"
"""Stands in a difference where an option is not there."""

CONFIG_DIR = "--config-dir="
"""Begins the entry of overrides.yaml that names a folder of the user's own YAMLs, which the words that follow need."""

_PARTS = {"model", "data", "trainer", "callback", "seed"}

Leaves = dict[tuple[Any, ...], Any]


class Stored(NamedTuple):
    """A run that can be continued: its folder, and the checkpoint to start from."""

    folder: Path
    checkpoint: Path


def wished(words: Sequence[str]) -> str | None:
    """What ``resume=`` asks for among the words of a command line; None where it is not there, or null.

    Raises:
        Mistake: if it is there twice.
    """
    wishes = [str(override.value()) for override in parse(words)[0] if override.key_or_group == "resume"]
    if len(wishes) > 1:
        raise Mistake("resume= stands there twice: one run goes on at a time")
    return wishes[0] if wishes and wishes[0] != "None" else None


def conflicts(words: Sequence[str]) -> list[str]:
    """The words that a resumed run cannot be given."""
    parsed, mistakes = parse(words)
    for override in parsed:
        if override.key_or_group in ("hydra.run.dir", "hydra.sweep.dir"):
            mistakes.append(f"{override.input_line}: a resumed run goes on in its own folder; leave it out")
        if override.key_or_group == "init_from":
            mistakes.append(f"{override.input_line}: a resumed run has weights of its own; leave this out")
    return mistakes


def taken(words: Sequence[str]) -> list[str]:
    """Whether the folder that ``words`` choose for a new run holds one already."""
    chosen = [str(override.value()) for override in parse(words)[0] if override.key_or_group == "hydra.run.dir"]
    plain = [place for place in chosen if "${" not in place and not left_early(RunFolder(Path(place)))]
    return [f"hydra.run.dir={place}: {occupied(place)}" for place in plain if RunFolder(Path(place)).begun]


def left_early(run: RunFolder) -> bool:
    """Whether ``run`` was stopped before its first checkpoint, and its job is now started again."""
    return restarted() and run.begun and not run.last.exists()


def occupied(place: str | Path) -> str:
    """What to say of a new run in the folder of another."""
    return f"this folder holds a run already; resume={place} goes on with it, or choose another folder"


def find(wish: str) -> Stored:
    """The run that ``resume=<wish>`` means: a run's folder, a checkpoint in it, or the word ``latest``.

    Raises:
        Mistake: if there is none, or if it has nothing to start from.
    """
    if not wish:
        raise Mistake("resume=: name a run's folder, or write resume=latest")
    place = latest() if wish == "latest" else expanded(wish, "resume=")
    if not place.exists():
        raise Mistake(f"resume={wish}: there is no such folder")
    run = RunFolder.of(place) if place.is_file() else RunFolder(place)
    if not run.config.is_file():
        raise Mistake(f"resume={wish}: no run's folder (it holds no config.yaml)")
    checkpoint = place if place.is_file() else run.last
    if not checkpoint.is_file():
        others = sorted(checkpoint.parent.glob("*.ckpt"), key=lambda file: file.stat().st_mtime)
        if others:
            raise Mistake(
                f"resume={wish}: last.ckpt is missing; the newest one there is {others[-1].name}: resume={others[-1]}"
            )
        raise Mistake(
            f"resume={wish}: this run was stopped before its first checkpoint, so there is nothing to go on from; "
            "remove the folder and start again with the words in its overrides.yaml "
            "(callback.checkpoints.every_n_minutes saves earlier)"
        )
    return Stored(run.path.resolve(), checkpoint.resolve())


def latest(outputs: Path = Path("outputs")) -> Path:
    """The run below ``outputs`` that was written to last: among the unfinished ones, or among all if all are finished.

    Raises:
        Mistake: if there is none with a checkpoint.
    """
    runs = [RunFolder(file.parent) for depth in ("*/*", "*/*/*") for file in outputs.glob(f"{depth}/config.yaml")]
    runs = [run for run in runs if run.last.is_file()]
    if not runs:
        raise Mistake(f"resume=latest: there is no run with a checkpoint below {outputs.resolve()}; name its folder")
    unfinished = [run for run in runs if not finished(run)]
    return max(unfinished or runs, key=lambda run: run.last.stat().st_mtime).path


def finished(run: RunFolder) -> bool:
    """Whether ``run`` came to its end, or was given up by a sweep."""
    return run.read_results().get("status") in ("finished", "pruned")


def configuration(conf: Path, stored: Stored, words: Sequence[str], extra: Path | None = None) -> DictConfig:
    """The run's configuration with the further ``words`` applied.

    The words are composed with those that the run was started with, so that references and groups follow them as ever;
    what that changes is laid over the stored configuration. The node ``resume`` of the outcome says it: ``checkpoint``,
    ``words``, and ``changed``: option -> [before, after].

    extra: the folder of the user's own YAMLs.

    Raises:
        Mistake: for wrong words (each has a line), or files that are no run's.
    """
    file = RunFolder(stored.folder).config
    content = _read(file)
    if not isinstance(content, dict) or not content.keys() >= _PARTS:
        raise Mistake(f"{file}: not the configuration of a training run")
    old = _settled(dict(_leaves(anchored(content))), stored.folder)
    new = old
    if words:
        former = list(map(_forced, started_with(stored.folder)))
        before, after = (_composed(conf, chosen, stored.folder, extra) for chosen in (former, merged(former, words)))
        new = _laid_over(old, before, after)
    changed = {
        ".".join(map(str, key)): [old.get(key, ABSENT), new.get(key, ABSENT)]
        for key in {**old, **new}
        if old.get(key, ABSENT) != new.get(key, ABSENT)
    }
    cfg = OmegaConf.create(_tree(new))
    cfg.started_in = str(Path.cwd())  # relative paths among the further words begin here
    cfg.resume = {"checkpoint": str(stored.checkpoint), "words": list(words), "changed": changed}
    return cfg


def _laid_over(old: Leaves, before: Leaves, after: Leaves) -> Leaves:
    """``old`` with all that is not the same in ``before`` and ``after``."""
    set_anew = {key: value for key, value in after.items() if before.get(key, ABSENT) != value}
    gone = {key for key in before if key not in after}
    # A value gives way to a node: sparsity: null to sparsity.rho.
    gone |= {key[:depth] for key in set_anew for depth in range(1, len(key))}
    return {key: value for key, value in old.items() if key not in gone} | set_anew


def started_with(folder: Path) -> list[str]:
    """The words that a run was started with, and those of later resumes."""
    return [word for word in _entries(folder) if not key_of(word).startswith(("hydra", "-"))]


def own_yamls(folder: Path) -> Path | None:
    """The folder of the user's own YAMLs that a run was started with.

    Raises:
        Mistake: if it is not there any more.
    """
    named = [Path(entry.removeprefix(CONFIG_DIR)) for entry in _entries(folder) if entry.startswith(CONFIG_DIR)]
    if named and not named[-1].is_dir():
        raise Mistake(f"resume={folder}: started with --config-dir {named[-1]}, which is gone; say where it is now")
    return named[-1] if named else None


def _entries(folder: Path) -> list[str]:
    file = RunFolder(folder).overrides
    words = _read(file, references=True) if file.is_file() else []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Mistake(f"{file}: not a list of overrides")
    return words


def _forced(word: str) -> str:
    """``word`` that adds an option, as one that may find it there: this version may have what the run's had not."""
    return f"+{word}" if word.startswith("+") and not word.startswith("++") else word


def merged(former: Sequence[str], words: Sequence[str]) -> list[str]:
    """``former`` followed by ``words``, without what these say anew."""
    said = {key_of(word) for word in words}
    return [*(word for word in former if key_of(word) not in said), *words]


def _read(file: Path, *, references: bool = False) -> Any:
    """The plain values in a YAML file, perhaps of somebody else's: nothing in it is built or looked up."""
    try:
        text = file.read_text(encoding="utf-8")
        content = OmegaConf.to_container(OmegaConf.create(text))
    except Exception as error:  # a file of somebody else's can fail anywhere in the parser
        raise Mistake(f"{file}: cannot be read ({' '.join(str(error).split())})") from error
    if "${" in text and not references:
        raise Mistake(f"{file}: a stored configuration holds values alone, and no references (${{...}})")
    return content


def _settled(leaves: Leaves, folder: Path) -> Leaves:
    """``leaves``, in which every path into the run's folder leads there, also where the folder was moved."""
    former = str(leaves.get(("run_dir",)))
    moved = {
        key: str(folder / Path(value).relative_to(former))
        for key, value in leaves.items()
        if isinstance(value, str) and Path(former).is_absolute() and Path(value).is_relative_to(former)
    }
    return leaves | moved | {("run_dir",): str(folder)}


def _composed(conf: Path, words: Sequence[str], folder: Path, extra: Path | None) -> Leaves:
    cfg, mistakes = compose(conf, "train", words, extra)
    if cfg is not None:
        mistakes += misfits(cfg, {key_of(word).split("@")[0] for word in words})
    if cfg is None or mistakes:
        raise Mistake("\n".join(mistakes))
    cfg.run_dir = str(folder)
    try:
        return dict(_leaves(OmegaConf.to_container(cfg, resolve=True)))
    except OmegaConfBaseException as error:
        raise Mistake(str(error)) from error


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All values below mappings with their paths; lists and empty mappings count as values."""
    if isinstance(node, Mapping) and node:
        for name, child in node.items():
            yield from _leaves(child, (*path, name))
    else:
        yield path, node


def _tree(leaves: Leaves) -> dict[Any, Any]:
    tree: dict[Any, Any] = {}
    for path, value in leaves.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
    return tree
