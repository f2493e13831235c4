"""Scores: torchmetrics as its documentation uses it against atelier, on the same features and the same images."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from atelier.callback.figures import figures
from atelier.config.build import build
from atelier.metric.classifier import Classifier
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.frechet import FrechetDistance
from atelier.pixels import to_bytes
from atelier.types import Features
from suite.machine import settling
from suite.ours import configured
from suite.row import Row, compared
from suite.turns import in_turns

_SUBSETS, _BATCH = 50, 256


class AsTheyAre(nn.Module):
    """An extractor of features that are given as images."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """``[N, num_features]``, unchanged."""
        return features


def frechet(count: int, device: str, rounds: int) -> list[Row]:
    """The distance alone, from 2,048 features of ``count`` images on each side; the real side is known already."""
    asked = 10.0 if count < 2048 else 2.0
    seconds, note = _frechet(count, device, rounds)
    said = f"Fréchet distance, 2,048 features, {count:,} images, second call"
    return [
        compared(said, "torchmetrics", "speed", seconds["atelier"], seconds["torchmetrics"], asked=asked, note=note)
    ]


def pooled(count: int, seed: int, num_features: int = 2048) -> Tensor:
    """Features like those of a pooling layer: not negative, correlated, some of them nearly always 0."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(256, num_features, generator=torch.Generator().manual_seed(7)) / 16
    noise = torch.randn(count, num_features, generator=generator)
    hidden = torch.randn(count, 256, generator=generator) @ mixing
    return torch.relu(hidden + 0.5 * noise + torch.linspace(-2, 1, num_features) + 0.1 * seed)


def _frechet(count: int, device: str, rounds: int) -> tuple[dict[str, list[float]], str]:
    real, fake = (Features(pooled(count, seed).to(device), None) for seed in (0, 1))
    ours, theirs = FrechetDistance(), FrechetInceptionDistance(AsTheyAre(2048), reset_real_features=False).to(device)
    theirs.update(real.features, real=True)
    found: dict[str, float] = {}

    def again() -> None:
        theirs.reset()
        theirs.update(fake.features, real=False)
        found["torchmetrics"] = float(theirs.compute())

    def mine() -> None:
        found["atelier"] = ours(real, fake)["fd"]

    mine()
    again()
    off = abs(found["atelier"] / found["torchmetrics"] - 1)
    if off > 1e-5:
        raise ValueError(f"Fréchet distances {found} differ by {off:.1e}")
    return in_turns({"atelier": mine, "torchmetrics": again}, rounds, settle=settling(device)), f"{off:.0e} apart"


def evaluation(count: int, device: str, rounds: int) -> list[Row]:
    """Fréchet distance, kernel distance and Inception Score of ``count`` fakes by MNIST's extractor, from their images.

    Atelier keeps the real features from an earlier evaluation. torchmetrics looks at the fakes once for each score, and
    as it comes at the reals as well; with ``reset_real_features=False`` it keeps what it needs of them.
    """
    seconds, note = _evaluation(count, device, rounds)
    said, ours = f"scores of {count:,} fakes, MNIST's extractor", seconds.pop("atelier")
    asked = {"torchmetrics": 3.0}
    return [
        compared(said, against, "speed", ours, theirs, asked=asked.get(against), note=note)
        for against, theirs in seconds.items()
    ]


class _Of(nn.Module):
    """One output of atelier's extractor, as torchmetrics wants an extractor."""

    def __init__(self, extractor: Classifier, output: int) -> None:
        super().__init__()
        self.extractor, self.output = extractor, output
        self.num_features = extractor.num_features

    def forward(self, images: Tensor) -> Tensor:
        """``[N, d]``."""
        found: Tensor = self.extractor(images)[self.output]
        return found


class _Evaluations:
    """Both ways from fakes to figures."""

    def __init__(self, count: int, device: str) -> None:
        cfg = configured(["model=dcgan", "data=mnist"], device)
        self.device = device
        model = build(cfg.model).to(device)
        self.extractor = build(cfg.extractor).to(device)
        self.scores = {name: build(node) for name, node in cfg.metric.items() if name in _BOTH_HAVE}
        generator = torch.Generator().manual_seed(1)
        real = torch.rand(count, 1, 7, 7, generator=generator)
        self.real = (nn.functional.interpolate(real, 28, mode="bilinear") * 255).to(torch.uint8).to(device)
        parts = ((start, min(_BATCH, count - start)) for start in range(0, count, _BATCH))
        self.fakes = torch.cat([to_bytes(model.sample(size, seed=0, start=start)) for start, size in parts])
        seen = [self.extractor(images) for images in self.real.split(_BATCH)]
        self.features = Features(torch.cat([s.features for s in seen]), torch.cat([s.logits for s in seen]))
        self.anew, self.kept = self._metrics(reset_real_features=True), self._metrics(reset_real_features=False)
        self._see_reals(self.kept)
        self.found: dict[str, dict[str, float]] = {}

    def _metrics(self, *, reset_real_features: bool) -> dict[str, Any]:
        features, logits = _Of(self.extractor, 0), _Of(self.extractor, 1)
        resetting = {"reset_real_features": reset_real_features}
        found = {
            "fd": FrechetInceptionDistance(features, **resetting),
            "kid": KernelInceptionDistance(features, **resetting, subsets=_SUBSETS, subset_size=1000),
            "inception_score": InceptionScore(logits),
        }
        return {name: metric.to(self.device) for name, metric in found.items()}

    def _see_reals(self, metrics: Mapping[str, Any]) -> None:
        for images in self.real.split(_BATCH):
            for name in ("fd", "kid"):
                metrics[name].update(images, real=True)

    def ours(self) -> None:
        """As ``evaluate`` does it."""
        bank, start = FeatureBank().to(self.device), 0
        for images in self.fakes.split(_BATCH):
            bank.update(torch.arange(start, start + len(images)), self.extractor(images))
            start += len(images)
        self.found["atelier"] = figures(self.scores, self.extractor, self.features, bank.compute())

    def torchmetrics_anew(self) -> None:
        """As it comes."""
        for metric in self.anew.values():
            metric.reset()
        self._see_reals(self.anew)
        self._figures(self.anew)

    def torchmetrics_kept(self) -> None:
        """With the option for reals that stay the same."""
        for metric in self.kept.values():
            metric.reset()
        self._figures(self.kept)

    def _figures(self, metrics: Mapping[str, Any]) -> None:
        for images in self.fakes.split(_BATCH):
            metrics["fd"].update(images, real=False)
            metrics["kid"].update(images, real=False)
            metrics["inception_score"].update(images)
        self.found["torchmetrics"] = {name: _first(metric.compute()) for name, metric in metrics.items()}

    def apart(self) -> str:
        """How far the figures are from one another; raises ValueError where that is more than chance."""
        mine, other = (
            {k.removesuffix("_mnist"): v for k, v in self.found[n].items()} for n in ("atelier", "torchmetrics")
        )
        off = {name: abs(mine[name] / other[name] - 1) for name in other}
        if off["fd"] > 1e-4 or off["kid"] > 0.05 or off["inception_score"] > 0.05:
            raise ValueError(f"figures differ: {mine} and {other}")
        return ", ".join(f"{name} {value:.0e}" for name, value in off.items()) + " apart (subsets and parts differ)"

    def contenders(self) -> dict[str, Callable[[], object]]:
        """By name."""
        return {
            "atelier": self.ours,
            "torchmetrics": self.torchmetrics_anew,
            "torchmetrics, reset_real_features=False": self.torchmetrics_kept,
        }


_BOTH_HAVE = ("frechet", "kernel", "inception_score")


def _evaluation(count: int, device: str, rounds: int) -> tuple[dict[str, list[float]], str]:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ATELIER_CACHE"] = cache
        evaluations = _Evaluations(count, device)
        seconds = in_turns(evaluations.contenders(), rounds, settle=settling(device))
        return seconds, evaluations.apart()


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, tuple) else value)
