"""Pictures to pictures of the other domain, under their own names and at their own sizes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from atelier.callback.words import near
from atelier.config.override import quoted
from atelier.counted import counted
from atelier.data.names import few_reasons, printable
from atelier.expanded import expanded
from atelier.task.canvas import open_picture
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.gallery import write_gallery
from atelier.task.jobs import Job, find_jobs, passed_over
from atelier.task.resume_translation import check_settings, write_settings
from atelier.task.tiles import Tiling
from atelier.task.translate_pictures import PictureTranslator
from atelier.task.translator import Generator, identity, open_generator, refused
from atelier.types import Mistake
from atelier.whole_file import sweep, write_text

log = logging.getLogger(__name__)

_UNREADABLE = "unreadable.txt"


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, the generator, the pictures (is there one that can be read?), and the folder for the translations."""
    mistakes = below(cfg, {}, optional={"size": 1, "tile": 64, "overlap": 0})
    if not mistakes and cfg.tile is not None and _tiling(cfg).overlap >= cfg.tile:
        mistakes.append(f"overlap={cfg.overlap}: must be less than tile={cfg.tile}; null shares a quarter of a tile")
    words = refused(cfg)
    mistakes += words
    if not words:
        prefix = "ckpt=" if cfg.weights is None else "weights="
        mistakes += [
            text if text.startswith(prefix) else prefix + text for text in heard([lambda: open_generator(cfg)])
        ]
    found: list[Job] = []
    mistakes += heard([lambda: found.extend(_jobs(cfg)), lambda: _one_readable(cfg, found)])
    # Without output=... the folder will be a new one, whose name is not known yet.
    if not mistakes and cfg.output.folder != cfg.run_dir and not cfg.overwrite:
        mistakes += heard([lambda: check_settings(_folder(cfg), _settings(cfg), found)])
    return mistakes


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return preflight(cfg)  # which makes and fetches nothing


def run(cfg: DictConfig) -> None:
    """Write a translation for every picture that can be read, index.html, and the names of those that cannot."""
    generator, jobs, folder, settings = open_generator(cfg), _jobs(cfg), _folder(cfg), _settings(cfg)
    if not cfg.overwrite:
        check_settings(folder, settings, jobs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        since = write_settings(folder, settings, anew=cfg.overwrite)
        work = _translator(cfg, generator)
        with _way_on(cfg, folder, work, len(jobs)):
            work.translate(jobs, since)
        work.unreadable |= passed_over(str(cfg.input))
        _leave_word(folder, work.unreadable)
        page = write_gallery(
            folder,
            work.cards,
            total=work.made + work.kept,
            facts=_facts(generator, settings),
            unreadable=work.unreadable,
        )
    except OSError as error:
        raise Mistake(f"output={folder}: cannot be written to ({error.strerror or error})") from error
    if not work.made + work.kept:
        raise Mistake(
            f"input={cfg.input}: none of its {len(jobs)} pictures could be translated: {few_reasons(work.unreadable)}"
        )
    kept = f", {work.kept:,} were there already" if work.kept else ""
    log.info("%s translated%s: %s", f"{work.made:,}", kept, page)
    if work.unreadable:
        lost, first = folder / _UNREADABLE, few_reasons(work.unreadable)
        log.warning("%d cannot be read and are left out, listed in %s: %s", len(work.unreadable), lost, first)


@contextmanager
def _way_on(cfg: DictConfig, folder: Path, work: PictureTranslator, total: int) -> Iterator[None]:
    """Say of work that Ctrl-C ends what there is of it, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        there = f"{work.made + work.kept:,} of {counted(total, 'picture')} translated, in {near(folder)}"
        anew = ", without overwrite=true" if cfg.overwrite else ""
        log.info("stopped by Ctrl-C: %s. To go on: the same words with %s%s", there, quoted(f"output={folder}"), anew)
        raise


def _translator(cfg: DictConfig, generator: Generator) -> PictureTranslator:
    device = best_device()
    generator = generator._replace(network=generator.network.to(device))
    return PictureTranslator(generator, _tiling(cfg), size=cfg.size, side_by_side=cfg.side_by_side)


def _tiling(cfg: DictConfig) -> Tiling:
    return Tiling(cfg.tile, (cfg.tile or 0) // 4 if cfg.overlap is None else cfg.overlap)


def _jobs(cfg: DictConfig) -> list[Job]:
    if cfg.input is None:
        raise Mistake("input is missing: give it as input=<file, folder or pattern>")
    return find_jobs(str(cfg.input), _folder(cfg))


def _folder(cfg: DictConfig) -> Path:
    if cfg.output.folder in (None, ""):
        raise Mistake("output=: no folder is named")
    return expanded(str(cfg.output.folder))


def _one_readable(cfg: DictConfig, jobs: Sequence[Job]) -> None:
    unreadable: dict[str, str] = {}
    for job in jobs:
        picture = open_picture(job.source, 3, cfg.size if isinstance(cfg.size, int) else None)
        if not isinstance(picture, str):
            return
        unreadable[job.name] = picture
    if jobs:
        raise Mistake(f"input={cfg.input}: none of its {len(jobs)} pictures can be read: {few_reasons(unreadable)}")


def _settings(cfg: DictConfig) -> dict[str, Any]:
    """Whatever makes one translation differ from another, for whoever takes the work up again."""
    plain: Any = OmegaConf.to_container(cfg, resolve=True)
    chosen = {name: plain[name] for name in ("size", "tile", "side_by_side")}
    direction = None if cfg.ckpt is None else cfg.direction or "a_to_b"
    return {"weights": identity(cfg), "direction": direction, "overlap": _tiling(cfg).overlap, **chosen}


def _facts(generator: Generator, settings: dict[str, Any]) -> dict[str, str]:
    facts = {"generator": str(generator.file)}
    if generator.direction is not None:
        facts["direction"] = generator.direction.replace("_to_", " → ")
    if settings["size"] is not None:
        facts["shorter side"] = f"{settings['size']} px"
    return facts


def _leave_word(folder: Path, unreadable: dict[str, str]) -> None:
    if unreadable:
        lines = "".join(f"{printable(name)}\t{printable(reason)}\n" for name, reason in unreadable.items())
        write_text(folder / _UNREADABLE, lines)
    else:
        (folder / _UNREADABLE).unlink(missing_ok=True)
