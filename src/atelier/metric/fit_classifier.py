"""How the small extractors are made: a classifier fitted to labelled images, the same on every run."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.metric.classifier_file import ClassifierWeights
from atelier.metric.small_classifier import SmallClassifier, hollow, standardise
from atelier.moment import Moment
from atelier.types import Mistake

_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-2
_SHIFT = 2  # pixels either way
_NOISE = 0.2  # largest standard deviation, of images in [-1, 1]


class Labelled(NamedTuple):
    """Images uint8 ``[N, C, H, W]`` and their classes int64 ``[N]``."""

    images: Tensor
    labels: Tensor


def fit_classifier(
    train: Labelled,
    test: Labelled,
    *,
    data: str,
    size: int,
    epochs: int,
    batch_size: int = 128,
    seed: int = 0,
) -> ClassifierWeights:
    """Fit a small classifier to ``train`` and measure it on ``test``, on the CPU.

    AdamW under one cosine with a short warm-up. Images are shifted by up to two pixels, and get some noise:
    without it the features answer to noise that nobody sees more than to a missing class. All chance comes
    from ``seed``; the number of threads can still change the last bits.

    data: name of the data set, kept in the weights.
    size: side in pixels to which images are brought; the number of channels is the images' own.
    """
    classes = _count_classes(train, test)
    channels = train.images.shape[1]
    network = hollow(channels, classes).to_empty(device="cpu")
    network.initialise(Moment(seed=seed, step=0).generator("initialise"))
    seen = Labelled(standardise(train.images, channels, size), train.labels)
    _descend(network, seen, epochs=epochs, batch_size=batch_size, seed=seed)
    return ClassifierWeights(
        state={name: value.detach().clone() for name, value in network.state_dict().items()},
        data=data,
        classes=classes,
        channels=channels,
        num_features=network.read_out.in_features,
        size=size,
        accuracy=accuracy(network, standardise(test.images, channels, size), test.labels),
    )


def accuracy(network: SmallClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of standardised ``images`` ``[N, C, S, S]`` that the network classifies as ``labels`` says."""
    network.eval()
    right = 0
    with torch.no_grad():
        for some, truth in zip(torch.split(images, 1000), torch.split(labels, 1000), strict=True):
            right += int((network(some)[1].argmax(dim=1) == truth).sum())
    return right / len(images)


def _count_classes(train: Labelled, test: Labelled) -> int:
    if not len(train.images) or not len(test.images):
        raise Mistake("a classifier needs labelled images to learn from and others to be tested on")
    classes = int(train.labels.max()) + 1
    if int(train.labels.min()) < 0 or classes < 2 or int(test.labels.max()) >= classes:
        raise Mistake(f"a classifier needs at least two classes, numbered from 0, all in training; found {classes}")
    return classes


def _descend(network: SmallClassifier, train: Labelled, *, epochs: int, batch_size: int, seed: int) -> None:
    """Train ``network`` in place on standardised images."""
    images, labels = train
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    batches = max(1, len(images) // batch_size)  # the remainder is left to another epoch's order
    step, steps = 0, epochs * batches
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=Moment(seed=seed, step=epoch).generator("order"))
        for rows in order[: batches * batch_size].chunk(batches):
            for group in optimizer.param_groups:
                group["lr"] = _LEARNING_RATE * _rate(step / steps)
            _, logits = network(_augmented(images[rows], Moment(seed=seed, step=step)))
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(logits, labels[rows]))
            optimizer.step()
            step += 1


def _rate(progress: float) -> float:
    """A linear rise over the first twentieth, then half a cosine to 0."""
    return min(20 * progress + 0.01, 0.5 * (1 + math.cos(math.pi * progress)))


def _augmented(images: Tensor, moment: Moment) -> Tensor:
    """Shifted images with a little noise, whose strength differs from image to image."""
    strength = moment.uniform("strength", len(images), 1, 1, 1, high=_NOISE)
    return _shifted(images, moment) + strength * moment.normal("noise", *images.shape)


def _shifted(images: Tensor, moment: Moment) -> Tensor:
    """Each image ``[B, C, S, S]`` moved by up to ``_SHIFT`` pixels, its border repeated."""
    count, channels, _, size = images.shape
    reach = 2 * _SHIFT + 1
    offsets = moment.integers("shift", count, 2, low=0, high=reach)
    padded = F.pad(images, [_SHIFT] * 4, mode="replicate")
    line = torch.arange(size)
    down = (offsets[:, :1] + line)[:, None, :, None]
    across = (offsets[:, 1:] + line)[:, None, None, :]
    picture = torch.arange(count)[:, None, None, None]
    return padded[picture, torch.arange(channels)[None, :, None, None], down, across]
