"""Real features on disk: a data set is looked at once per extractor, not once per run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from atelier.cachedir import cache_dir
from atelier.metric.extractor import Extractor
from atelier.metric.files import read_plain, write_atomically
from atelier.types import Features

_FORMAT = 1
_log = logging.getLogger(__name__)


def cached_features(
    extractor: Extractor, fingerprint: str, split: str, count: int | None, make: Callable[[], Features]
) -> Features:
    """Features (on the CPU) of ``count`` real images of ``split``, from the cache, else by ``make()``.

    The key holds all that the features depend on: the data's ``fingerprint``, split and count, the
    extractor's identity and resizing. A damaged file is made anew; a cache that cannot be written is done
    without.
    """
    key = {
        "format": _FORMAT,
        "data": fingerprint,
        "split": split,
        "count": count,
        "extractor": extractor.identity,
        "resize": extractor.resize,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = cache_dir("features") / f"{digest}.pt"
    kept = _read(path)
    if kept is not None:
        return kept
    made = make()
    features = Features(made.features.cpu(), None if made.logits is None else made.logits.cpu())
    try:
        write_atomically(path, {"key": key, "features": features.features, "logits": features.logits})
    except OSError as error:
        _log.warning("real features are not cached, they will be computed again: %s", error)
    return features


def _read(path: Path) -> Features | None:
    try:
        kept = read_plain(path)
        return Features(kept["features"], kept["logits"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be read and is made anew: %s", path, error)
        return None
