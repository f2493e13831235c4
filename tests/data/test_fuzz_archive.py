"""Archives that hypothesis makes: nothing outside changes, and what comes out is whole or a Mistake."""

from __future__ import annotations

import io
import stat
import tarfile
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from forged import RIGHT, encoded, gradient
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from atelier.data.downloaded_domains import DownloadedDomains
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.types import Mistake

PICTURE = encoded(RIGHT)
SET = {f"{folder}/{number}.png": PICTURE for folder in ("trainA", "trainB", "testA", "testB") for number in (1, 2)}

SETTINGS: dict[str, Any] = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}


class Member(NamedTuple):
    """One more entry beside the set's own."""

    name: str
    content: bytes
    mode: int
    packing: int


parts = st.one_of(
    st.sampled_from(
        ["..", ".", "", "trainA", "TRAINA", "1.png", "1.PNG", "C:", "a" * 300, "con", " ", "a\\b", "~", "é"]
    ),
    st.text(max_size=8),
)
harmless = st.sampled_from(["trainA/3.png", "trainB/x/y.png", "LICENSE", "notes/read me.txt", "trainA/", "é/b"])
harmful = st.builds(
    lambda start, inner, joint: start + joint.join(inner),
    st.sampled_from(["", "/", "//", "\\", "C:\\", "../", "set/"]),
    st.lists(parts, min_size=1, max_size=5),
    st.sampled_from(["/", "\\"]),
)
kinds = (*[stat.S_IFREG] * 9, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, 0)
members = st.builds(
    Member,
    st.one_of(harmless, harmless, harmful),
    st.one_of(st.binary(max_size=64), st.sampled_from([b"/etc/passwd", b"../..", bytes(3_000_000)])),
    st.sampled_from(kinds),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
damages = st.one_of(
    st.just(("none", 0, 0)),
    st.tuples(st.just("cut"), st.integers(0, 4096), st.just(0)),
    st.tuples(st.just("flip"), st.integers(0, 2**16), st.integers(1, 255)),
    st.tuples(st.just("more"), st.integers(0, 64), st.integers(0, 255)),
)


def zipped(extra: list[Member]) -> bytes:
    stream = io.BytesIO()
    # Of a name that stands in it twice, which is just what a stranger would try.
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w") as archive:
        for name, content in SET.items():
            archive.writestr(name, content)
        for member in extra:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.external_attr = member.name, (member.mode | 0o644) << 16
            info.compress_type = member.packing
            archive.writestr(info, member.content)
    return stream.getvalue()


def tarred(extra: list[Member], packing: str) -> bytes:
    stream = io.BytesIO()
    types = {stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFCHR: tarfile.CHRTYPE}
    with tarfile.open(fileobj=stream, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]  # by its value
        for member in extra:
            info = tarfile.TarInfo(member.name.replace("\0", ""))
            info.type, info.linkname = types.get(member.mode, tarfile.LNKTYPE), "../../outside"
            archive.addfile(info)
    return stream.getvalue()


def damaged(content: bytes, damage: tuple[str, int, int]) -> bytes:
    kind, place, value = damage
    place %= len(content)
    if kind == "cut":
        return content[: len(content) - place]
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ value]) + content[place + 1 :]
    return content + bytes([value]) * place if kind == "more" else content


def everything(place: Path) -> dict[str, bytes | None]:
    """All below ``place``: contents of files, None for folders."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(place.rglob("*"))}


def bring(content: bytes, held: Iterable[str] = SET) -> str:
    """Unpack ``content``, which held ``held``, as a user's archive of a data set; asserts the law, returns the end."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        place = Path(folder)
        patch.setenv("ATELIER_CACHE", str(place / "cache"))
        outside, home = place / "outside", place / "here"
        outside.mkdir()
        home.mkdir()
        (outside / "kept").write_bytes(b"kept")
        (home / "set.zip").write_bytes(content)
        options: dict[str, Any] = {"preprocess": "resize_and_crop", "load_size": 8, "image_size": 8}
        root = UnpairedFolder(str(home / "set"), **options, channels_a=3, channels_b=3, a="A", paired=False)
        source = DownloadedDomains(
            "set", root, addresses=[], mirrors=[], archive=str(home / "set.zip"), sha256=None, counts=None
        )
        patch.chdir(home)
        before = everything(outside)
        try:
            source.prepare()
        except Mistake as mistake:
            end = "refused"
            assert str(mistake)
            assert sorted(path.name for path in home.iterdir()) == ["set.zip"]
        else:
            end = "unpacked"
            found = {path.relative_to(home / "set").as_posix(): path for path in (home / "set").rglob("*")}
            assert not [name for name, path in found.items() if path.is_symlink()]
            assert set(held) <= set(found)
            assert sorted(path.name for path in home.iterdir()) == ["set", "set.zip"]
        assert everything(outside) == before
        assert {path.name for path in place.iterdir()} <= {"outside", "here", "cache"}
        return end


@settings(max_examples=15, **SETTINGS)
@given(st.lists(members, max_size=3), damages)
def test_a_few_zip_archives(extra: list[Member], damage: tuple[str, int, int]) -> None:
    event(bring(damaged(zipped(extra), damage)))


@settings(max_examples=8, **SETTINGS)
@given(st.lists(members, max_size=3), st.sampled_from(["", "gz", "bz2", "xz"]), damages)
def test_tar_archives_are_no_zip_archives(extra: list[Member], packing: str, damage: tuple[str, int, int]) -> None:
    event(bring(damaged(tarred(extra, packing), damage)))


@pytest.mark.slow
@settings(max_examples=1500, **SETTINGS)
@given(st.lists(members, max_size=4), damages)
def test_many_zip_archives(extra: list[Member], damage: tuple[str, int, int]) -> None:
    event(bring(damaged(zipped(extra), damage)))


@pytest.mark.slow
def test_every_cut_and_every_byte() -> None:
    stream, names = io.BytesIO(), [f"{folder}/1.png" for folder in ("trainA", "trainB", "testA", "testB")]
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, encoded(gradient(2, 2)))
    whole, ends = stream.getvalue(), Counter[str]()
    for place in range(len(whole)):
        assert bring(whole[:place]) == "refused"
        ends[bring(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :], names)] += 1
    assert bring(whole, names) == "unpacked"
    assert ends["unpacked"] < len(whole) / 4 < ends["refused"]  # what is no part of the files: times, versions
