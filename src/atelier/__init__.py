"""atelier: generative image models on PyTorch Lightning and Hydra.

>>> from atelier import load, run
>>> folder = run("train", "experiment=dcgan_digits", "seed=1")  # doctest: +SKIP
>>> model = load(folder)  # doctest: +SKIP
>>> images = model.sample(64, seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own takes hundredths of a second, in which Ctrl-C would not be answered yet
if TYPE_CHECKING:
    from pathlib import Path

    from pytorch_lightning import LightningModule

__all__ = ["load", "run"]


def load(path: str | Path) -> LightningModule:
    """The model of a checkpoint or run folder, in evaluation mode, with ``sample`` and whatever its family can.

    Raises:
        ValueError: if ``path`` holds no checkpoint, or one that cannot be trusted.
    """
    from atelier.checkpoint import load as load_checkpoint  # importing atelier alone loads no torch

    return load_checkpoint(path).model


def run(verb: str, *words: str, folder: str | Path | None = None) -> Path:
    """Run a verb with the words of the command line, and give the folder that it has filled.

    ``run("train", "experiment=ring", "seed=1")`` is ``atelier train experiment=ring seed=1``; ``"-m"`` makes a sweep.

    folder: of the run or sweep; by default a new one, ``outputs/<verb>/<time>``.

    Raises:
        ValueError: for words that are wrong, before anything is written.
        RuntimeError: if the verb failed.
    """
    from atelier.cli.call import call  # importing atelier alone loads no Hydra

    return call(verb, *words, folder=folder)
