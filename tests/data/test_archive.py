from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from atelier.data import archive
from atelier.data.archive import BadArchive, check_zip, unpack

Zip = Callable[[Mapping[str, bytes]], bytes]


def unpacked(tmp_path: Path, content: bytes) -> dict[str, bytes]:
    """What lies in the folder afterwards."""
    file, folder = tmp_path / "it.zip", tmp_path / "folder"
    file.write_bytes(content)
    folder.mkdir(exist_ok=True)
    check_zip(file)
    unpack(file, folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path: Path, content: bytes, text: str) -> None:
    with pytest.raises(BadArchive, match=text):
        unpacked(tmp_path, content)
    # Neither checked nor unpacked, and nothing lies anywhere.
    with pytest.raises(BadArchive, match=text):
        unpack(tmp_path / "it.zip", tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "it.zip"]


def one_member(name: str, mode: int = 0o644 | stat.S_IFREG, content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        member = zipfile.ZipInfo("placeholder")
        member.filename, member.external_attr = name, mode << 16
        opened.writestr("harmless.txt", b"first")
        opened.writestr(member, content)
    return made.getvalue()


def test_files_come_out_as_they_went_in(tmp_path: Path, zip_of: Zip) -> None:
    files = {"set/trainA/1.jpg": os.urandom(3000), "set/empty": b"", "top": b"text" * 100}
    assert unpacked(tmp_path, zip_of({"set/": b"", **files})) == files


@pytest.mark.parametrize(
    "name", ["../out", "set/../../out", "/out", "..\\out", "\\out", "C:\\out", "c:/out", "set\\..\\..\\out"]
)
def test_a_member_that_leaves_the_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    refused(tmp_path, one_member(name), "its member .*out.* would be written outside")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused_by_name(tmp_path: Path, kind: int) -> None:
    refused(tmp_path, one_member("passwd", 0o777 | kind, b"/etc/passwd"), "'passwd' is a link or a device")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path, zip_of: Zip) -> None:
    refused(tmp_path, zip_of({"a/One": b"1", "a/one": b"2"}), "'a/one' stands in it twice")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    content = bytearray(one_member("secret"))
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<H", content, entry + 8, 1)
    refused(tmp_path, bytes(content), "'secret' is encrypted")


def test_a_bomb_is_refused(tmp_path: Path, zip_of: Zip, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(archive, "_CHUNK", 1)
        refused(tmp_path, zip_of({"zeros": bytes(1 << 20)}), "claim to hold 1,048,576: a bomb")
    monkeypatch.setattr(archive, "_MOST_BYTES", 1000)
    refused(tmp_path, zip_of({"noise": os.urandom(1001)}), "a bomb")
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 3)
    refused(tmp_path, zip_of({str(number): b"" for number in range(4)}), "4 members are more than 3")


def test_what_is_no_whole_archive_is_named(tmp_path: Path, zip_of: Zip) -> None:
    whole = zip_of({"noise": os.urandom(5000)})
    refused(tmp_path, whole[:3000], "cut off|broken")
    for content, text in (
        (whole[:3000], "the zip archive is cut off"),
        (b"\n<!DOCTYPE html><html></html>", r"this is a web page \(HTML\)"),
        (b"<html><body>", r"this is a web page \(HTML\)"),
        (b"", "this is no zip archive"),
        (b"\x1f\x8b...", "this is no zip archive"),
    ):
        (tmp_path / "it.zip").write_bytes(content)
        with pytest.raises(BadArchive, match=text):
            check_zip(tmp_path / "it.zip")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    content = bytearray(one_member("noise", content=os.urandom(5000)))
    content[len(content) // 2] ^= 1
    with pytest.raises(BadArchive, match="Bad CRC-32"):
        unpacked(tmp_path, bytes(content))


def test_room_is_asked_for_before_the_first_byte(tmp_path: Path, zip_of: Zip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atelier.data.archive.shutil.disk_usage", lambda folder: SimpleNamespace(free=100))
    with pytest.raises(OSError, match=r"0\.0 GB free, and unpacking takes"):
        unpacked(tmp_path, zip_of({"first": b"", "noise": os.urandom(101)}))
    assert not list((tmp_path / "folder").iterdir())
