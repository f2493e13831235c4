"""What is derived from real images, on disk: a data set is looked at once per extractor, not once per run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atelier.cachedir import cache_dir
from atelier.metric.extractor import Extractor
from atelier.metric.files import read_plain, write_atomically
from atelier.types import Features

_FORMAT = 1
log = logging.getLogger(__name__)


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

    def described() -> dict[str, Any]:
        made = make()
        logits = None if made.logits is None else made.logits.cpu()
        return {"key": key, "features": made.features.cpu(), "logits": logits}

    found = kept("features", digest, {"features", "logits"}, described)
    return Features(found["features"], found["logits"])


def kept(folder: str, digest: str, names: set[str], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Tensors and plain values of ``digest``, which stands for all that they depend on: from the cache, else made.

    names: what must be among them. A damaged file is made anew; a cache that cannot be written is done without.
    """
    path = cache_dir(folder) / f"{digest}.pt"
    found = _read(path, names)
    if found is not None:
        return found
    made = make()
    try:
        write_atomically(path, made)
    except OSError as error:
        log.warning(
            "%s of reals are not cached (%s), they will be computed again; ATELIER_CACHE names a folder for caches",
            folder,
            error.strerror or error,
        )
    return made


def _read(path: Path, names: set[str]) -> dict[str, Any] | None:
    try:
        found = read_plain(path)
        if not isinstance(found, dict) or not names <= found.keys():
            raise ValueError("something is missing")
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read and is made anew: %s", path, error)
        return None
