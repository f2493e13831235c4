from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from atelier.data.downloaded_domains import DownloadedDomains
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.types import Mistake

COUNTS = {"trainA": 2, "trainB": 3, "testA": 1, "testB": 2}


@pytest.fixture
def archive(zip_of: Callable[..., bytes], picture_of: Callable[..., bytes]) -> bytes:
    files = {
        f"horses/{folder}/{number}.png": picture_of(10 * place + number)
        for place, (folder, count) in enumerate(COUNTS.items())
        for number in range(count)
    }
    return zip_of({"horses/": b"", **files})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "horses"


def domains(root: Path, *addresses: str, **choices: Any) -> DownloadedDomains:
    reading: dict[str, Any] = {"preprocess": "resize_and_crop", "load_size": 8, "image_size": 8, "paired": False}
    folder = UnpairedFolder(str(root), channels_a=3, channels_b=3, a=choices.pop("a", "A"), **reading)
    wishes: dict[str, Any] = {"mirrors": [], "archive": None, "sha256": None, "counts": COUNTS} | choices
    return DownloadedDomains("horses", folder, addresses=addresses, **wishes)


def counted(root: Path) -> dict[str, int]:
    return {folder: sum(1 for _ in (root / folder).glob("*.png")) for folder in COUNTS}


def succeeds(source: DownloadedDomains) -> None:
    """What an attempt after a failure must do."""
    source.prepare()
    assert counted(source.folder.root) == COUNTS
    assert [path.name for path in source.folder.root.parent.iterdir()] == ["horses"]
    assert len(source.load("test", "b").pixels) == 2
    assert len(source.training("b").pixels) == 3


def failed(source: DownloadedDomains, text: str) -> str:
    with pytest.raises(Mistake, match=text) as caught:
        source.prepare()
    assert not source.folder.root.exists()
    home = source.folder.root.parent
    # What is left, to be continued or tried again, is hidden and called differently.
    assert {path.name for path in home.glob("*")} <= {".horses.zip.part", ".horses.zip.part.json", ".horses.zip"}
    return str(caught.value)


def test_a_set_is_fetched_unpacked_and_asked_for_only_once(root: Path, archive: bytes, web: Any) -> None:
    web.pages["/it.zip"] = web.page(archive)
    source = domains(root, web.address("/it.zip"), sha256=hashlib.sha256(archive).hexdigest())
    succeeds(source)
    succeeds(source)
    succeeds(domains(root))
    assert len(web.asked) == 1


def test_domains_swap_without_another_download(root: Path, archive: bytes, web: Any) -> None:
    web.pages["/it.zip"] = web.page(archive)
    succeeds(domains(root, web.address("/it.zip")))
    swapped = domains(root, a="B")
    swapped.prepare()
    assert swapped.load("train", "a").names == domains(root).load("train", "b").names
    assert len(web.asked) == 1


def test_a_broken_connection_leaves_nothing_whole_and_is_continued(root: Path, archive: bytes, web: Any) -> None:
    half = len(archive) // 2
    web.pages["/it.zip"] = web.page(archive, breaks_after=[half, 0, 0, 0])
    source = domains(root, web.address("/it.zip"))
    text = failed(source, "horses could not be downloaded into")
    assert f"the connection ended after {half:,} of {len(archive):,} bytes" in text
    succeeds(source)
    assert web.asked[-1] == ("/it.zip", f"bytes={half}-")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda whole: whole[: len(whole) // 2], "the zip archive is cut off"),
        (lambda whole: b"<!doctype html><p>please log in", "this is a web page"),
        (lambda whole: whole.replace(b"horses/trainA/1.png", b"../../trainA/11.png"), "outside of its folder"),
    ],
)
def test_a_spoilt_archive_is_thrown_away(
    root: Path, archive: bytes, web: Any, spoil: Callable[[bytes], bytes], text: str
) -> None:
    web.pages["/it.zip"] = web.page(spoil(archive))
    source = domains(root, web.address("/it.zip"))
    failed(source, text)
    assert not list(root.parent.parent.glob("data/.*"))
    web.pages["/it.zip"] = web.page(archive)
    succeeds(source)


def test_a_bit_that_flipped_is_found_while_unpacking(root: Path, archive: bytes, web: Any) -> None:
    spoilt = bytearray(archive)
    spoilt[archive.index(b"IHDR") + 30] ^= 1
    web.pages["/it.zip"] = web.page(bytes(spoilt))
    source = domains(root, web.address("/it.zip"))
    failed(source, "the zip archive is broken")
    web.pages["/it.zip"] = web.page(archive)
    succeeds(source)


def test_a_wrong_checksum_leads_to_the_next_mirror(root: Path, archive: bytes, web: Any) -> None:
    web.pages["/wrong.zip"] = web.page(archive + b"x")
    web.pages["/it.zip"] = web.page(archive)
    digest = hashlib.sha256(archive).hexdigest()
    text = failed(domains(root, web.address("/wrong.zip"), sha256=digest), "its SHA-256 is")
    assert "By hand: get horses.zip somewhere else" in text
    succeeds(domains(root, web.address("/it.zip"), mirrors=[web.address("/wrong.zip")], sha256=digest))


def test_dead_mirrors_are_passed_over_and_offline_all_are_named(root: Path, archive: bytes, web: Any) -> None:
    web.pages["/it.zip"] = web.page(archive)
    dead = ["http://127.0.0.1:1/a.zip", web.address("/b.zip")]
    text = failed(domains(root, *dead), "none of 2 addresses gave it")
    assert all(address in text for address in dead)
    assert "data.source.mirrors=[<address>]" in text and "data.root=<folder>" in text
    succeeds(domains(root, web.address("/it.zip"), mirrors=dead))


@pytest.mark.parametrize("place", ["atelier.data.fetch_part.os.fsync", "atelier.data.archive.shutil.copyfileobj"])
def test_a_full_disk_leaves_nothing_whole(
    root: Path, archive: bytes, web: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    web.pages["/it.zip"] = web.page(archive)
    source = domains(root, web.address("/it.zip"))

    def full(*words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place, full)
        failed(source, "No space left on device")
    succeeds(source)
    # What was fetched is not fetched again.
    assert sum(wanted is None for _, wanted in web.asked) == 1


def test_a_process_killed_while_unpacking_leaves_nothing_whole(
    root: Path, archive: bytes, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages["/it.zip"] = web.page(archive)
    source = domains(root, web.address("/it.zip"))
    copies: list[int] = []

    def killed(*words: Any) -> None:
        copies.append(1)
        if len(copies) == 4:
            raise SystemExit(137)
        shutil_copy(*words)

    shutil_copy = shutil.copyfileobj
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("atelier.data.archive.shutil.copyfileobj", killed)
        # A kill runs no clean-up either.
        patch.setattr("atelier.data.downloaded_domains.shutil.rmtree", lambda *words, **options: None)
        source.prepare()
    assert not root.exists()
    assert len(list((root.parent / ".horses.unpacking").rglob("*.png"))) == 4
    succeeds(source)


def test_two_at_once_download_once(root: Path, archive: bytes, web: Any) -> None:
    web.pages["/it.zip"] = web.page(archive)
    start = Barrier(2)

    def prepare() -> int:
        source = domains(root, web.address("/it.zip"))
        start.wait()
        source.prepare()
        return len(source.training("b").pixels)

    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(prepare) for _ in range(2)]] == [3, 3]
    assert len(web.asked) == 1


def test_an_archive_without_one_of_the_folders_is_refused(
    root: Path, zip_of: Callable[..., bytes], picture_of: Callable[..., bytes], web: Any
) -> None:
    files = {f"{folder}/1.png": picture_of(1) for folder in ("trainA", "trainB", "testB")}
    web.pages["/it.zip"] = web.page(zip_of({**files, "testA/readme.txt": b"nothing"}))
    failed(domains(root, web.address("/it.zip")), "the archive has no images in testA")


def test_other_counts_are_warned_of(root: Path, archive: bytes, web: Any, caplog: pytest.LogCaptureFixture) -> None:
    web.pages["/it.zip"] = web.page(archive)
    domains(root, web.address("/it.zip"), counts=COUNTS | {"testB": 140}).prepare()
    assert "'testB': 140} were expected" in caplog.text


def test_a_link_to_an_empty_folder_is_filled_where_it_leads(root: Path, archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(archive)
    (tmp_path / "disk").mkdir()
    root.parent.mkdir(parents=True, exist_ok=True)
    root.symlink_to(tmp_path / "disk")
    succeeds(domains(root, archive=str(tmp_path / "set.zip")))
    assert root.is_symlink() and (tmp_path / "disk" / "trainA").is_dir()


def test_a_file_that_is_here_serves_and_stays(root: Path, archive: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mine.zip"
    file.write_bytes(archive[:-1000])
    failed(domains(root, archive=str(file)), r"data\.source\.archive=.*mine\.zip: the zip archive is cut off")
    file.write_bytes(archive)
    succeeds(domains(root, archive=str(file)))
    assert file.read_bytes() == archive
    with pytest.raises(Mistake, match=r"data\.source\.archive=.*there is no such file"):
        domains(tmp_path / "other", archive=str(tmp_path / "absent.zip")).prepare()


def test_a_folder_of_other_things_is_not_touched(root: Path, web: Any) -> None:
    (root / "trainA").mkdir(parents=True)
    with pytest.raises(Mistake, match=r"data\.root=.* but not trainA and trainB"):
        domains(root, web.address("/it.zip")).prepare()
    assert [path.name for path in root.iterdir()] == ["trainA"]
    assert not web.asked


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"mirrors": ["file:///etc/passwd"]}, r"data\.source\.mirrors: file:///etc/passwd is no http"),
        ({"mirrors": ["example.org/it.zip"]}, r"data\.source\.mirrors: example\.org/it\.zip is no http"),
        ({"sha256": "abc"}, r"data\.source\.sha256=abc: must be 64"),
    ],
)
def test_values_are_checked_when_constructed(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(Mistake, match=text):
        domains(Path("somewhere"), **choices)
