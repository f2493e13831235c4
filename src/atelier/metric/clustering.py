"""Whether a code's clusters are the classes, which nobody told it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from atelier.metric.code_splits import Coded, Labels
from atelier.types import Mistake


class Clustering:
    """k-means on the test codes with as many clusters as there are classes, compared with the labels.

    nmi: normalised mutual information (arithmetic mean). ari: adjusted Rand index (Hubert & Arabie 1985), 0 for
    chance. purity: share of images that belong to the commonest class of their cluster.

    starts: runs of k-means, of which the tightest counts. seed: of the first centres.
    """

    names: Mapping[str, bool | None] = {"nmi": True, "ari": True, "purity": True}

    def __init__(self, starts: int, seed: int) -> None:
        if starts < 1:
            raise Mistake(f"callback.appraisal.examiners.clustering.starts={starts}: at least 1")
        self.starts, self.seed = starts, seed

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """The figures; empty without labels of two classes."""
        from sklearn.cluster import KMeans  # takes a second to import
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        if test.labels is None or len(np.unique(test.labels)) < 2:
            return {}
        means = KMeans(len(np.unique(test.labels)), n_init=self.starts, random_state=self.seed)
        with warnings.catch_warnings():
            # Fewer different codes than clusters: the figures say it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            clusters = means.fit_predict(test.codes)
        return {
            "nmi": float(normalized_mutual_info_score(test.labels, clusters)),
            "ari": float(adjusted_rand_score(test.labels, clusters)),
            "purity": purity(test.labels, clusters),
        }

    def protocol(self) -> dict[str, Any]:
        """The clusters."""
        return {"clusters": "k-means, as many as classes", "starts": self.starts, "seed": self.seed}


def purity(labels: Labels, clusters: Labels) -> float:
    """Share of rows whose label is the commonest one in their cluster."""
    table = np.zeros((int(clusters.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(table, (clusters, labels), 1)
    return float(table.max(axis=1).sum() / len(labels))
