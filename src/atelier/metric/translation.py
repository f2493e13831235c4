"""What translations come to without an extractor: cycles, identities and, where somebody knows it, the truth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from atelier.direction import WAYS
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.paired_score import NUMBERS, figures_of, paired_scores
from atelier.metric.taken import Taken
from atelier.similarity import described, window
from atelier.types import Direction, Features, Translated

_OF_SOURCE = {"cycle_l1": False, "cycle_psnr": True, "identity_l1": False}
_OF_TRUTH = {"truth_psnr": True, "truth_ssim": True, "truth_l1": False}


class Distances:
    """Distances of a pass's images from their counterparts, in both directions.

    cycle_l1_a, cycle_psnr_a: images of domain a against their translations translated back.
    identity_l1_a: images of a against themselves as seen by the generator that makes images of a.
    truth_psnr_a_to_b, truth_ssim_a_to_b, truth_l1_a_to_b: translations against the true partners of their sources.

    Rows are kept by image index, so the figures are the same for any batch size, order and number of ranks.
    """

    def __init__(self) -> None:
        self._banks = {direction: FeatureBank() for direction in WAYS}
        self._rows: dict[Direction, Tensor] = {}
        self._window = 0

    @staticmethod
    def of_truth() -> dict[str, bool]:
        """The figures that take a truth, each with whether a higher value is better."""
        return {f"{name}_{way}": higher for name, higher in _OF_TRUTH.items() for way in WAYS}

    @staticmethod
    def of_source() -> dict[str, bool]:
        """The figures that are always taken, each with whether a higher value is better."""
        return {f"{name}_{source}": higher for name, higher in _OF_SOURCE.items() for source, _ in WAYS.values()}

    def reset(self, device: torch.device | str) -> None:
        """Forget the last pass; the next one's images lie on ``device``."""
        for bank in self._banks.values():
            bank.to(device)
            bank.reset()

    def look(self, seen: Translated, truth: Tensor | None) -> None:
        """Add a batch. truth: the sources' true partners ``[B, C, H, W]`` in [-1, 1], or None."""
        rows = [paired_scores(seen.cycle, seen.real)]
        if seen.identity is not None:
            rows.append(paired_scores(seen.identity, seen.real))
        if truth is not None:
            rows += [paired_scores(seen.fake, truth), paired_scores(seen.real, truth)]
        self._banks[seen.direction].update(seen.indices, Features(torch.cat(rows, dim=1), None))
        self._window = window(*seen.real.shape[-2:])

    def gather(self) -> None:
        """Bring the rows of all ranks together; every rank has to ask."""
        self._rows = {way: bank.compute().features for way, bank in self._banks.items()}

    def take(self) -> Taken:
        """The figures of what was gathered."""
        taken = Taken({}, {}, {}, {})
        for way, (source, _) in WAYS.items():
            cycle, *known = (figures_of(part) for part in torch.split(self._rows[way], NUMBERS, dim=1))
            values = {f"cycle_{name}_{source}": cycle[name] for name in ("l1", "psnr")}
            if len(known) % 2:  # a truth comes with two parts
                values[f"identity_l1_{source}"] = known.pop(0)["l1"]
            if known:
                fake, real = ({f"truth_{name}_{way}": value for name, value in of.items()} for of in known)
                values |= fake
                taken.untouched.update(real)
            taken.values.update(values)
            taken.protocol.update({name: self._protocol(name, len(self._rows[way])) for name in values})
        return taken

    def _protocol(self, name: str, images: int) -> dict[str, Any]:
        if "ssim" in name:
            return {"images": images, "levels": "[0, 1]", "window": described(self._window)}
        return {"images": images, "range": "[-1, 1]"}
