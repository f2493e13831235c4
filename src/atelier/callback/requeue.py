"""Asking SLURM to start this job again."""

from __future__ import annotations

import logging
import os
import subprocess

log = logging.getLogger(__name__)

_PATIENCE = 60.0  # seconds


def job() -> str:
    """What SLURM calls this job: its number, or those of the array and of the task in it."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return os.environ.get("SLURM_JOB_ID", "") if array is None else f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"


def requeue() -> None:
    """Ask SLURM to start this job again, and say what it answers; it ends the job at once, so all else comes first."""
    try:
        done = subprocess.run(
            ["scontrol", "requeue", job()], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        failure = "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        failure = str(error)
    if failure:
        log.warning("SLURM does not start job %s again (%s)", job(), " ".join(failure.split()))
    else:
        log.info("SLURM starts job %s again, and the run goes on by itself", job())
