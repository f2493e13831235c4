"""Saved workspaces at Weights & Biases, one per family of models, so that every project looks the same."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from omegaconf import DictConfig

from atelier.config.environment import wandb_credential
from atelier.config.words import suggestion
from atelier.reason import told
from atelier.task.dashboard_sections import FAMILIES
from atelier.task.dashboard_workspace import as_json, libraries, workspace
from atelier.types import Mistake

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """An account, if a server is to be asked; else the library, and which family."""
    if cfg.file is None and not wandb_credential():
        return [
            "a workspace is saved at a server, and no account is configured: run `wandb login`, or set WANDB_API_KEY; "
            "file=workspaces.json writes it to a file instead"
        ]
    mistakes = []
    if not cfg.project:
        mistakes.append("project=: name the project whose runs are to be shown")
    if cfg.family is not None and cfg.family not in FAMILIES:
        mistakes.append(f"family={cfg.family}: there is no such family{suggestion(str(cfg.family), FAMILIES)}")
    if cfg.file is not None and not Path(cfg.file).resolve().parent.is_dir():
        mistakes.append(f"file={cfg.file}: there is no such folder")
    try:
        libraries()
    except Mistake as mistake:
        mistakes.append(str(mistake))
    return mistakes


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return preflight(cfg)  # which makes and fetches nothing


def run(cfg: DictConfig) -> None:
    """Save the workspaces, or write them to the file; say where they are.

    Raises:
        Mistake: if the server does not take one.
    """
    chosen = [cfg.family] if cfg.family is not None else list(FAMILIES)
    if cfg.file is not None:
        made = {family: as_json(workspace(family, cfg.entity or "entity", cfg.project)) for family in chosen}
        Path(cfg.file).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        log.info("%s", cfg.file)
        return
    entity = cfg.entity or _own_entity()
    for family in chosen:
        try:
            saved = workspace(family, entity, cfg.project).save()
        except Exception as error:  # of many kinds: no network, no such project, no right to write
            reason = told(error)
            raise Mistake(f"project={cfg.project}: the workspace of {family} was not saved ({reason})") from error
        log.info("%s: %s", family, saved.url)


def _own_entity() -> str:
    import wandb  # heavy: only where it is used

    try:
        return str(wandb.Api(timeout=20).default_entity)
    except Exception as error:  # as above
        reason = told(error)
        raise Mistake(f"entity=null: the account's own could not be found out ({reason}); name it") from error
