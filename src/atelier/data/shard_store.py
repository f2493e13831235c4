"""Shards on this machine: local ones where they are, those of the web for as long as they are needed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from atelier.cachedir import cache_dir
from atelier.data import cache, picture
from atelier.data.fetch import Unfetched, fetch, is_http
from atelier.data.shard_index import Index, from_json, read_index
from atelier.expanded import expanded
from atelier.types import Mistake
from atelier.whole_file import write_text

_BRACES = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def addresses(urls: str | Sequence[str], option: str) -> list[str]:
    """The shards that ``urls`` mean: ``{000..009}`` counts, ``{a,b}`` chooses, and local names may hold ``*``.

    Raises:
        Mistake: for an address that is neither a local file nor http(s), and where there is no such file.
    """
    found: list[str] = []
    for url in [urls] if isinstance(urls, str) else urls:
        for address in _unfolded(url):
            if is_http(address):
                found.append(address)
            elif _SCHEME.match(address):
                raise Mistake(
                    f"{option}={address}: shards are local files or http(s) addresses; nothing else is opened"
                )
            else:
                files = sorted(glob.glob(str(expanded(address))))  # noqa: PTH207  # the folder may be a pattern
                if not files:
                    raise Mistake(f"{option}={address}: there is no such file")
                found += files
    if not found:
        raise Mistake(f"{option}=[]: name at least one shard")
    return found


def _unfolded(pattern: str) -> Iterator[str]:
    hit = _BRACES.search(pattern)
    if hit is None:
        yield pattern
        return
    for choice in _choices(hit[1]):
        yield from _unfolded(pattern[: hit.start()] + choice + pattern[hit.end() :])


def _choices(inside: str) -> list[str]:
    counted = re.fullmatch(r"(\d+)\.\.(\d+)", inside)
    if counted is None:
        return inside.split(",")
    first, last = counted.groups()
    if int(first) > int(last):
        raise Mistake(f"{{{inside}}}: shards are counted upwards; write {{{last}..{first}}}")
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]


class Store:
    """The files of some shards.

    shards: as :func:`addresses` gives them.
    keep: shards of the web that lie on this machine's disk at a time, all processes together.
    """

    def __init__(self, shards: Sequence[str], keep: int) -> None:
        self.shards, self.keep = list(shards), keep

    @cached_property
    def counts(self) -> list[int]:
        """Samples of each shard: by ``sizes.json`` beside them, else by going through every shard once."""
        return [self._stated(shard) or len(self.index(place)) for place, shard in enumerate(self.shards)]

    def index(self, place: int) -> Index:
        """What stands where in shard number ``place``; of one of the web it is kept, so that it is counted once."""
        if place not in self._indices:
            self._indices[place] = self._found(place) if is_http(self.shards[place]) else self._read(place)
        return self._indices[place]

    def _found(self, place: int) -> Index:
        kept = self._kept(place)
        if kept.is_file():
            return from_json(kept.read_text())
        index = self._read(place)
        write_text(kept, index.to_json())
        return index

    def _kept(self, place: int) -> Path:
        """Where the index of a shard of the web is kept."""
        # How large a picture may be is for the user to say, and what is larger is not counted.
        return self._file(place).with_suffix(f".{picture.most_bytes()}.json")

    def _read(self, place: int) -> Index:
        with self.open(place) as file:
            return read_index(file, self.shards[place])

    def _file(self, place: int) -> Path:
        """Where a shard of the web lies while it is needed."""
        return cache_dir("shards") / f"{hashlib.blake2b(self.shards[place].encode(), digest_size=10).hexdigest()}.tar"

    def open(self, place: int) -> BinaryIO:
        """The file of shard number ``place``, which is fetched first if it is not here.

        Raises:
            Mistake: if the web does not give it.
        """
        shard = self.shards[place]
        if not is_http(shard):
            return Path(shard).open("rb")
        file = self._file(place)
        try:
            return self._used(file)
        except FileNotFoundError:
            pass
        with cache.lock("shards"):
            if not file.exists():
                self._fetch(shard, file)
                self._recount(place, file)
            return self._used(file)

    def _recount(self, place: int, file: Path) -> None:
        """Compare a shard that has just come with what was counted when it came before, here or in another run.

        Raises:
            Mistake: if it is another one: what is counted would be looked for at places that mean nothing.
        """
        kept = self._kept(place)
        for other in set(file.parent.glob(f"{file.stem}.*.json")) - {kept}:
            other.unlink(missing_ok=True)  # counted under another limit: nobody looks at these now
        if place in self._indices:
            counted = self._indices[place].to_json()
        elif kept.is_file():
            counted = kept.read_text()
        else:
            return
        with file.open("rb") as tar:
            found = read_index(tar, self.shards[place]).to_json()
        if found != counted:
            kept.unlink(missing_ok=True)
            raise Mistake(
                f"{self.shards[place]}: this shard has changed at its address since it was counted; it is counted anew "
                "when the command is given again"
            )

    def _used(self, file: Path) -> BinaryIO:
        # Who makes room for another shard takes away the name alone: what is open can be read to its end.
        opened = file.open("rb")
        os.utime(opened.fileno())
        return opened

    def _fetch(self, shard: str, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fetch([shard], file, sha256=None, check=lambda _: None)
        except (Unfetched, OSError) as error:
            raise Mistake(f"{shard}: cannot be fetched ({error})") from error
        lying = sorted(file.parent.glob("*.tar"), key=lambda one: one.stat().st_mtime_ns)
        for old in [one for one in lying if one != file][: max(0, len(lying) - self.keep)]:
            old.unlink(missing_ok=True)

    def _stated(self, shard: str) -> int | None:
        """The count in the ``sizes.json`` (shard's name to samples) beside a local shard."""
        file = Path(shard).parent / "sizes.json"
        if is_http(shard) or not file.is_file():
            return None
        try:
            stated = json.loads(file.read_text(encoding="utf-8")).get(Path(shard).name)
        except (ValueError, AttributeError) as error:
            raise Mistake(f"{file}: not a table of shards and their samples ({error})") from error
        return stated if isinstance(stated, int) and stated > 0 else None

    @cached_property
    def _indices(self) -> dict[int, Index]:
        return {}
