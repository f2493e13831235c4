"""What lies where in the folder of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training run. To ask where something lies reads nothing and makes nothing."""

    path: Path

    @classmethod
    def of(cls, checkpoint: Path) -> RunFolder:
        """The one that ``checkpoint`` is of: above its folder ``checkpoints``, else where it lies itself."""
        place = checkpoint.resolve().parent
        return cls(place.parent if place.name == "checkpoints" else place)

    @property
    def config(self) -> Path:
        """What the run is made of, all references resolved."""
        return self.path / "config.yaml"

    @property
    def overrides(self) -> Path:
        """The words that chose it."""
        return self.path / "overrides.yaml"

    @property
    def resumed(self) -> Path:
        """When it was taken up again, and with what."""
        return self.path / "resumed.yaml"

    @property
    def metrics(self) -> Path:
        """Every row that was logged."""
        return self.path / "metrics.csv"

    @property
    def results(self) -> Path:
        """What it came to."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The page about it."""
        return self.path / "report.html"

    @property
    def samples(self) -> Path:
        """The folder of its pictures."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """The folder of its states."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The state to go on from."""
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        """The state of the best score."""
        return self.checkpoints / "best.ckpt"

    @property
    def begun(self) -> bool:
        """Whether a run has written here."""
        return any(place.exists() for place in (self.config, self.metrics, self.checkpoints))

    def read_results(self) -> dict[str, Any]:
        """What the run came to; empty where nothing was written down, or nothing that can be read."""
        try:
            found = json.loads(self.results.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
