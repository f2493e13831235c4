"""A run on a cluster: all processes were started by torchrun, by SLURM, or by a person on several machines.

They get the same words, and must agree on a folder without having spoken to each other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from atelier.config.override import parse
from atelier.types import Mistake

_INTERACTIVE = {"bash", "interactive"}
"""Names of SLURM's jobs in which Lightning takes the processes for started by hand."""


class ClusterProcess(NamedTuple):
    """This process among those that were started together.

    first: whether it is the one that speaks and writes.
    world: their number, None where nobody says it.
    name: a name that all of them know and no other run has, or None.
    """

    first: bool
    world: int | None
    name: str | None


ALONE = ClusterProcess(first=True, world=1, name=None)
"""A process that was started by itself."""


def cluster_process() -> ClusterProcess | None:
    """What the environment says of the processes beside this one; None for one that was started alone."""
    said = os.environ.get
    if "TORCHELASTIC_RUN_ID" in os.environ:
        name = said("TORCHELASTIC_RUN_ID")
        return ClusterProcess(said("RANK") == "0", int(said("WORLD_SIZE", "1")), None if name == "none" else name)
    tasks = int(said("SLURM_NTASKS", "1"))
    by_srun = "SLURM_PROCID" in os.environ and said("SLURM_JOB_NAME") not in _INTERACTIVE
    if by_srun and (tasks > 1 or "SLURM_STEP_ID" in os.environ):
        name = f"slurm-{said('SLURM_JOB_ID')}-{said('SLURM_STEP_ID', '0')}"  # the same when SLURM starts the job again
        return ClusterProcess(said("SLURM_PROCID") == "0", tasks, name)
    if "LOCAL_RANK" in os.environ or said("NODE_RANK", "0") != "0":
        world = said("WORLD_SIZE")
        first = said("LOCAL_RANK", "0") == "0" and said("NODE_RANK", "0") == "0"
        return ClusterProcess(first, None if world is None else int(world), None)
    return None


def restarted() -> bool:
    """Whether SLURM starts the job again: the same words in the same place, with what the last time has left."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0


def shared_run_dir(
    here: ClusterProcess,
    words: Sequence[str],
    model: str = "${hydra:runtime.choices.model}",
    data: str = "${hydra:runtime.choices.data}",
) -> str:
    """The folder of the run that ``words`` start, the same on all processes.

    model, data: the chosen options; by default Hydra fills them in.

    Raises:
        Mistake: if there is none that they can agree on.
    """
    chosen = [str(word.value()) for word in parse(words)[0] if word.key_or_group == "hydra.run.dir"]
    if any("${" in place for place in chosen):
        raise Mistake(f"hydra.run.dir={chosen[-1]}: processes that start apart need a plain name, without ${{...}}")
    if not chosen and here.name is None:
        raise Mistake(
            "hydra.run.dir is missing: these processes were started apart and cannot know each other's folder; name "
            "one (torchrun --standalone and torchrun --rdzv-id=<name> do it for you)"
        )
    return chosen[-1] if chosen else f"outputs/{model}-{data}/{here.name}"
