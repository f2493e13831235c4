"""A model's networks in a form that others can open."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig

from atelier.checkpoint import Loaded, load, read
from atelier.expanded import expanded
from atelier.run_folder import RunFolder
from atelier.task.collect_mistakes import heard
from atelier.task.exporting.card import card
from atelier.task.exporting.facts import facts
from atelier.task.exporting.families import networks, programs
from atelier.task.exporting.formats import chosen
from atelier.task.exporting.former import former, record
from atelier.task.exporting.program import Bundle
from atelier.task.exporting.written import Format, Written
from atelier.task.translator import unknown_direction
from atelier.types import Mistake, Translator
from atelier.whole_file import write_text

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """The format and its packages, the checkpoint, and whether its networks have that form."""
    return wrong_values(cfg) or _unfit(cfg, load(cfg.ckpt))


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    mistakes = heard([lambda: chosen(cfg.format), lambda: _folder(cfg)])
    if cfg.licence is not None and not isinstance(cfg.licence, str):
        mistakes.append(f"licence={cfg.licence}: a word, as Hugging Face calls it (mit, cc-by-4.0), or null")
    return mistakes + unknown_direction(cfg) + heard([lambda: read(cfg.ckpt)], prefix="ckpt=")


def _unfit(cfg: DictConfig, loaded: Loaded) -> list[str]:
    """Why the model has no such direction, or no such form."""
    if cfg.direction is not None and not isinstance(loaded.model, Translator):
        family = type(loaded.model).__name__
        return [
            f"direction={cfg.direction}: ckpt={cfg.ckpt} holds a {family}, and only a CycleGAN has directions; leave "
            "direction out"
        ]
    return heard([lambda: chosen(cfg.format).check(_bundle(cfg, loaded))], f"ckpt={cfg.ckpt}: ")


def run(cfg: DictConfig) -> None:
    """Write the files and the model card, each of which is tried before it gets its name."""
    loaded = load(cfg.ckpt)
    bundle = _bundle(cfg, loaded)
    family = type(loaded.model).__name__
    for written in export(bundle, chosen(cfg.format), _folder(cfg), family, _picture(loaded, bundle)):
        seen = f" (differs from PyTorch by {written.apart:.1e} at most)" if written.apart else ""
        log.info("%s%s", written.file, seen)


def export(bundle: Bundle, into: Format, folder: Path, family: str = "", picture: Path | None = None) -> list[Written]:
    """Write ``bundle`` in the form ``into``, with its model card, into ``folder``.

    Everything is written and tried under a folder of its own first: of an export that goes wrong, nothing is left,
    and what ``folder`` held before is as it was.

    The card tells of the files that were exported from the same weights into ``folder`` before, too.

    family: the model's class, in the card. picture: a file that goes beside the card.

    Raises:
        Mistake: if the model has no such form, or ``folder`` cannot be written to.
        Differs: if what was exported computes something else than the model.
    """
    into.check(bundle)
    try:
        with _staged(folder) as building:
            written = list(into.write(bundle, building))
            beside = None if picture is None else f"samples{picture.suffix}"
            if picture is not None and beside is not None:
                shutil.copyfile(picture, building / beside)
            anew = {one.file.name for one in written}
            beside_them = [one for one in former(folder, bundle.facts) if one.file.name not in anew]
            listed = [*beside_them, *written]
            text = card(family, into.library, bundle.facts, listed, beside) + record(bundle.facts, listed) + "\n"
            write_text(building / "README.md", text)
    except OSError as error:
        raise Mistake(f"output={folder}: cannot be written to ({error.strerror or error})") from error
    return [one._replace(file=folder / one.file.name) for one in written]


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A new folder inside ``folder``, whose files move up once the block ends well; else they vanish."""
    building = folder / f".export-{os.getpid()}"
    building.mkdir(parents=True)
    try:
        yield building
        for file in sorted(building.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _bundle(cfg: DictConfig, loaded: Loaded) -> Bundle:
    """What there is to export; of a translator with ``direction``, that way alone."""
    made, known = programs(loaded.model, loaded.cfg), networks(loaded.model, loaded.cfg)
    if cfg.direction is not None:
        made = [one for one in made if one.name == cfg.direction]
        known = [one for one in known if one.name == cfg.direction]
    return Bundle(loaded.model, made, known, facts(loaded, read(cfg.ckpt), cfg.licence))


def _picture(loaded: Loaded, bundle: Bundle) -> Path | None:
    """The run's picture of just these weights, if it still lies there."""
    epochs = bundle.facts.get("epochs")
    file = RunFolder.of(loaded.file).samples / f"epoch_{int(epochs or 0):04d}.png"
    return file if epochs is not None and epochs == int(epochs) and file.is_file() else None


def _folder(cfg: DictConfig) -> Path:
    if cfg.output.folder in (None, ""):
        raise Mistake("output=: no folder is named")
    return expanded(str(cfg.output.folder))
