"""What a simple classifier can read off a code, beside what it can read off pixels and principal components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from atelier.metric.code_splits import Coded, Labels, Numbers
from atelier.metric.principal import Principal
from atelier.types import Mistake

# Inverse strengths of the logistic regression's L2 penalty, for features of mean variance 1: what suits one kind of
# features does not suit another, so each gets the best for itself.
_STRENGTHS = (0.01, 0.1, 1.0)
_FEW_LABELS_STRENGTH = 0.1  # of so few, none can be held out to choose by
_HELD_OUT = 5  # one image in so many


class _View(NamedTuple):
    """Features of both splits."""

    train: Numbers
    test: Numbers


class LinearProbe:
    """Accuracy of logistic regression on the code, on raw pixels and on PCA of equal width (Alain & Bengio 2016).

    Each is centred and divided by one number, so that a feature's variance is 1 in the mean, and gets the penalty
    that suits it best on a fifth of the training images. What does not depend on the code is computed once.
    """

    names: Mapping[str, bool | None] = {"probe": True, "probe_pixels": True, "probe_pca": True}

    def __init__(self) -> None:
        self._baselines = _Once(lambda train, test: _probe(_plain_views(train, test), train, test))

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """Accuracies on the test images; empty without labels of two classes."""
        if not _labelled(train, test):
            return {}
        return _probe({"": _View(train.codes, test.codes)}, train, test) | self._baselines(train, test)

    def protocol(self) -> dict[str, Any]:
        """The classifier."""
        choices = ", ".join(f"{strength:g}" for strength in _STRENGTHS)
        return {"classifier": f"logistic regression, C the best of {choices} on a fifth of train, mean variance 1"}


class FewLabelProbe:
    """The same accuracies when only ``per_class`` images of each class have labels; the mean of several draws.

    draws: number of draws of labelled images, from ``seed``.
    """

    names: Mapping[str, bool | None] = {"few_labels": True, "few_labels_pixels": True, "few_labels_pca": True}

    def __init__(self, per_class: int, draws: int, seed: int) -> None:
        for name, value in (("per_class", per_class), ("draws", draws)):
            if value < 1:
                raise Mistake(f"callback.appraisal.examiners.few_labels.{name}={value}: at least 1")
        self.per_class, self.draws, self.seed = per_class, draws, seed
        self._baselines = _Once(lambda train, test: self._mean(_plain_views(train, test), train, test))

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """Accuracies on the test images; empty without labels of two classes."""
        if not _labelled(train, test):
            return {}
        return self._mean({"": _View(train.codes, test.codes)}, train, test) | self._baselines(train, test)

    def protocol(self) -> dict[str, Any]:
        """How many labels, which, and the classifier."""
        return {
            "labels_per_class": self.per_class,
            "draws": self.draws,
            "seed": self.seed,
            "classifier": f"logistic regression, C={_FEW_LABELS_STRENGTH:g}, mean variance 1",
        }

    def _mean(self, views: Mapping[str, _View], train: Coded, test: Coded) -> dict[str, float]:
        """Mean accuracy on each view of the test images, over the draws."""
        assert train.labels is not None and test.labels is not None
        strength, figures = _FEW_LABELS_STRENGTH, {}
        for name, view in views.items():
            taken = [
                _accuracy(view.train[rows], train.labels[rows], view.test, test.labels, strength)
                for rows in self._rows(train)
            ]
            figures[f"few_labels{name}"] = float(np.mean(taken))
        return figures

    def _rows(self, train: Coded) -> Iterator[Labels]:
        """The labelled rows of each draw: of each class its first ones in a random order."""
        assert train.labels is not None
        for draw in range(self.draws):
            order = np.random.default_rng([self.seed, draw]).permutation(len(train.labels))
            labels = train.labels[order]
            yield np.concatenate([order[labels == label][: self.per_class] for label in np.unique(labels)])


class _Once:
    """Figures that are the same as long as the training images are, told by identity."""

    def __init__(self, make: Callable[[Coded, Coded], dict[str, float]]) -> None:
        self._make = make
        self._kept: tuple[Numbers, dict[str, float]] | None = None

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        if self._kept is None or self._kept[0] is not train.levels:
            self._kept = (train.levels, self._make(train, test))
        return self._kept[1]


def _plain_views(train: Coded, test: Coded) -> dict[str, _View]:
    principal = Principal(train.levels, train.codes.shape[1])
    return {
        "_pixels": _View(train.levels, test.levels),
        "_pca": _View(principal.encode(train.levels), principal.encode(test.levels)),
    }


def _probe(views: Mapping[str, _View], train: Coded, test: Coded) -> dict[str, float]:
    """Accuracy on each view of the test images."""
    assert train.labels is not None and test.labels is not None
    return {
        f"probe{name}": _accuracy(view.train, train.labels, view.test, test.labels, _best(view.train, train.labels))
        for name, view in views.items()
    }


def _best(features: Numbers, labels: Labels) -> float:
    """The strength that suits the features best."""
    held_out = np.arange(len(labels)) % _HELD_OUT == _HELD_OUT - 1
    if not held_out.any() or len(np.unique(labels[~held_out])) < 2:
        return _FEW_LABELS_STRENGTH
    fit, check = ~held_out, held_out
    return max(_STRENGTHS, key=lambda c: _accuracy(features[fit], labels[fit], features[check], labels[check], c))


def _accuracy(features: Numbers, labels: Labels, test: Numbers, truth: Labels, strength: float) -> float:
    from sklearn.exceptions import ConvergenceWarning  # takes a second to import
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean())) or 1.0
    classifier = LogisticRegression(C=strength, max_iter=100)
    with warnings.catch_warnings():
        # After 100 steps the accuracy has settled, whatever the gradient says.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit((features - mean) / scale, labels)
    return float((classifier.predict((test - mean) / scale) == truth).mean())


def _labelled(train: Coded, test: Coded) -> bool:
    return train.labels is not None and test.labels is not None and len(np.unique(train.labels)) > 1
