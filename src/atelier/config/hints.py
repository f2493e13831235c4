"""Which option was meant by a name that is none."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.signature import typed
from atelier.config.words import FILLED_IN, nearest, suggestion

_EPOCHS, _DEVICES, _SIDE, _FOLDER = "trainer.max_epochs", "trainer.devices", "data.image_size", "hydra.run.dir"

ELSEWHERE: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("epoch", "epochs", "n_epochs", "num_epochs"), (_EPOCHS,)),
    **dict.fromkeys(("gpus", "num_gpus", "ngpu"), (_DEVICES,)),
    **dict.fromkeys(("img_size", "resolution"), (_SIDE,)),
    **dict.fromkeys(("z_dim", "nz"), ("latent.dim",)),
    **dict.fromkeys(("amp", "fp16"), ("trainer.precision",)),
    **dict.fromkeys(("data_dir", "dataroot"), ("data.root",)),
    **dict.fromkeys(("name", "folder", "out", "outdir", "out_dir", "output", "output_dir"), (_FOLDER,)),
    **dict.fromkeys(("log_dir", "save_dir", "checkpoint_dir", "results_dir"), (_FOLDER,)),
    **dict.fromkeys(("checkpoint", "ckpt", "ckpt_path", "pretrained"), ("init_from", "ckpt")),
    "bs": ("data.batch_size", "batch_size"),
    "callbacks": ("callback",),
    "dataset": ("data",),
    "device": ("trainer.accelerator",),
    "ema_decay": ("model.ema.decay",),
    "gan_mode": ("objective",),
    "n_critic": ("model.discriminator_turns",),
}
"""What other tools call an option, where its own name is too far from that to be found by its letters: the first that
is there is meant."""

_MOST_MEANT = 3


def parent_of(base: DictConfig, key: str) -> tuple[DictConfig | None, str]:
    """The node that would hold ``key``, if it is there, and the key's name in it."""
    head, _, leaf = key.rpartition(".")
    try:
        node = OmegaConf.select(base, head) if head else base
    except OmegaConfBaseException:
        return None, leaf
    return (node if isinstance(node, DictConfig) else None), leaf


def keys_hint(base: DictConfig, key: str, known: set[str]) -> str:
    """What to say after «there is no such option»: which one was meant, or else what there is in its place."""
    parent, leaf = parent_of(base, key)
    around: set[str] = set()
    if parent is not None:
        around = {str(name) for name in parent if not str(name).startswith("_")} - FILLED_IN - {"hydra"}
        around |= set() if "." in key else known
    options = _leaves(base)
    near = nearest(leaf, around)
    if not ("." in key and near) and (meant := _meant(key, options, {*around, *known}, fuzzy=near is None)):
        return f"; did you mean {' or '.join(meant)}?"
    return suggestion(key if parent is None else leaf, sorted(around) if parent is not None else options)


def _meant(key: str, options: list[str], names: Container[str], *, fuzzy: bool) -> list[str]:
    """The options or groups that ``key`` is the bare or misplaced name of, or that other tools call so.

    options: all of them. names: of groups and of options at the root.
    fuzzy: whether a name that is only like it will do.
    """
    head, _, leaf = key.rpartition(".")
    places: dict[str, list[str]] = {}
    for foreign, homes in ELSEWHERE.items():
        there = [name for name in homes if name in options or name in names or name == _FOLDER]
        places |= {foreign: there[:1]} if there else {}
    for option in options:
        places.setdefault(option.rpartition(".")[2], []).append(option)
    exact = places.get(leaf, [])
    if not exact and fuzzy:
        exact = places.get(nearest(leaf, places, cutoff=0.75) or "", [])
    ending = [option for option in exact if head and option.endswith(f".{key}")]
    below = [option for option in exact if head and option.startswith(f"{head}.")]
    found = ending or below or exact
    return found if len(found) <= _MOST_MEANT else []


def _leaves(base: DictConfig, node: DictConfig | None = None, prefix: str = "") -> list[str]:
    """The options that a value is set by: those that only refer to another stand for it."""
    node, found = base if node is None else node, []
    name: Any
    for name in node:
        option = f"{prefix}{name}"
        if str(name).startswith("_") or option in FILLED_IN or name in ("facts", "hydra"):
            continue
        end = typed(base, option)
        if end == option or ".facts." in end:  # a fact of the data is a default, and not to be set
            found.append(option)
        settled = not OmegaConf.is_interpolation(node, name) and not OmegaConf.is_missing(node, name)
        if settled and isinstance(part := node[name], DictConfig):
            found += _leaves(base, part, f"{option}.")
    return found
