"""Signals and the processes that load data."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest
import torch
from torch.utils.data import Dataset

from atelier.data.batches import Draw, Loader, OrderedBatches
from atelier.types import ImageBatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a signal's sender is not known")


class Numbers(Dataset[ImageBatch]):
    def __getitem__(self, draw: Draw) -> ImageBatch:
        return ImageBatch(torch.from_numpy(draw.indices), torch.from_numpy(draw.indices), None, draw.step, draw.epoch)


@pytest.fixture(params=["fork", "forkserver"])
def loading(request: pytest.FixtureRequest) -> Iterator[tuple[Iterator[ImageBatch], BaseProcess]]:
    """Batches of a loader with one worker, the first of them taken, and the worker."""
    before = set(multiprocessing.active_children())
    loader = Loader(Numbers(), OrderedBatches(400, 4), workers=1)
    loader.multiprocessing_context = request.param  # a server's child is the server's, and its loader another process
    batches = iter(loader)
    next(batches)
    (worker,) = set(multiprocessing.active_children()) - before
    yield batches, worker
    worker.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_from_elsewhere_ends_no_worker(loading, number: signal.Signals) -> None:
    batches, worker = loading
    subprocess.run(["kill", f"-{number.value}", str(worker.pid)], check=True)
    assert [batch.step for batch in batches] == list(range(1, 100))


def test_its_loader_ends_a_worker(loading) -> None:
    _, worker = loading
    os.kill(worker.pid, signal.SIGTERM)
    worker.join(10)
    assert worker.exitcode == 0
