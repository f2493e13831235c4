from __future__ import annotations

import errno
import hashlib
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atelier.data.fetch import Unfetched, fetch, is_http

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def get(target: Path, *addresses: str, sha256: str | None = DIGEST) -> bytes:
    fetch(addresses, target, sha256=sha256, check=lambda path: None)
    assert sorted(path.name for path in target.parent.iterdir()) == [target.name]
    return target.read_bytes()


def test_a_file_comes_whole_under_its_name(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT)
    assert get(tmp_path / "new" / "it", web.address("/it")) == CONTENT


def test_a_broken_connection_goes_on_where_it_broke(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT, breaks_after=[100_000, 50_000])
    assert get(tmp_path / "it", web.address("/it")) == CONTENT
    assert [wanted for _, wanted in web.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT, breaks_after=[100_000, 0, 0, 0])
    with pytest.raises(Unfetched, match="the connection ended after 100,000 of 300,000 bytes"):
        get(tmp_path / "it", web.address("/it"))
    assert not (tmp_path / "it").exists()
    assert get(tmp_path / "it", web.address("/it")) == CONTENT
    assert web.asked[-1] == ("/it", "bytes=100000-")


@pytest.mark.parametrize("change", ["version", "no ranges", "other address", "no mark"])
def test_what_cannot_be_continued_begins_anew(tmp_path: Path, web: Any, change: str) -> None:
    etag = "" if change == "no mark" else '"1"'
    web.pages["/it"] = web.page(os.urandom(300_000), etag=etag, breaks_after=[100_000, 0, 0, 0])
    with pytest.raises(Unfetched):
        get(tmp_path / "it", web.address("/it"))
    path = "/other" if change == "other address" else "/it"
    web.pages[path] = web.page(CONTENT, etag='"2"' if change == "version" else etag, ranges=change != "no ranges")
    assert get(tmp_path / "it", web.address(path)) == CONTENT


def test_versions_of_a_file_are_never_glued_together(tmp_path: Path, web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web.pages["/it"] = web.page(os.urandom(300_000), breaks_after=[100_000, 0, 0, 0])
    with pytest.raises(Unfetched):
        get(tmp_path / "it", web.address("/it"), sha256=None)
    web.pages["/it"] = web.page(CONTENT, etag='"2"')
    with monkeypatch.context() as full, pytest.raises(OSError, match=r"the disk has 0\.0 GB free"):
        full.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1))
        get(tmp_path / "it", web.address("/it"), sha256=None)
    assert get(tmp_path / "it", web.address("/it"), sha256=None) == CONTENT


def test_a_part_that_was_already_whole_is_taken(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT)
    (tmp_path / "it.part").write_bytes(CONTENT)
    (tmp_path / "it.part.json").write_text(f'{{"address": "{web.address("/it")}", "mark": "\\"1\\""}}')
    assert get(tmp_path / "it", web.address("/it")) == CONTENT
    assert len(web.asked) == 1


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT)
    (tmp_path / "it.part").write_bytes(CONTENT + b"more")
    (tmp_path / "it.part.json").write_text(f'{{"address": "{web.address("/it")}", "mark": "\\"1\\""}}')
    assert get(tmp_path / "it", web.address("/it")) == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT)
    with pytest.raises(Unfetched, match=f"its SHA-256 is {DIGEST}, not {'0' * 64}"):
        get(tmp_path / "it", web.address("/it"), sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_dead_addresses_are_passed_over_with_their_reasons(tmp_path: Path, web: Any) -> None:
    web.pages["/page"] = web.page(b"<html>log in</html>", kind="text/html; charset=utf-8")
    web.pages["/wrong"] = web.page(b"other")
    web.pages["/it"] = web.page(CONTENT)
    dead = ("http://127.0.0.1:1/it", web.address("/gone"), web.address("/page"), web.address("/wrong"))
    assert get(tmp_path / "it", *dead, web.address("/it")) == CONTENT
    with pytest.raises(Unfetched) as caught:
        get(tmp_path / "next", *dead)
    text = str(caught.value)
    assert text.startswith("none of 4 addresses gave it: http://127.0.0.1:1/it (")
    assert f"{web.address('/gone')} (HTTP 404 Not Found)" in text
    assert "a web page (HTML) came instead of the file" in text


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT, statuses=[503, 429])
    assert get(tmp_path / "it", web.address("/it")) == CONTENT
    assert len(web.asked) == 3
    with pytest.raises(Unfetched):
        get(tmp_path / "next", web.address("/gone"))
    assert len(web.asked) == 4


def test_a_size_that_nobody_stated_is_no_obstacle(tmp_path: Path, web: Any) -> None:
    web.pages["/it"] = web.page(CONTENT, sized=False)
    assert get(tmp_path / "it", web.address("/it"), sha256=None) == CONTENT


def test_a_full_disk_is_said_at_once_and_costs_no_second_address(
    tmp_path: Path, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages["/it"] = web.page(CONTENT)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("atelier.data.fetch_part.os.fsync", full)
        get(tmp_path / "it", web.address("/it"), web.address("/it"))
    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"0\.0 GB free"):
        patch.setattr("atelier.data.fetch_part.shutil.disk_usage", lambda path: SimpleNamespace(free=10))
        (tmp_path / "it.part").unlink()
        get(tmp_path / "it", web.address("/it"), web.address("/it"))
    assert len(web.asked) == 2
    assert not (tmp_path / "it").exists()
    assert get(tmp_path / "it", web.address("/it")) == CONTENT


def test_only_the_web_is_asked(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    assert not is_http(secret.as_uri())
    assert not is_http("ftp://127.0.0.1/it")
    assert is_http("https://example.org/it.zip")
    with pytest.raises(Unfetched, match="unknown url type: file"):
        get(tmp_path / "it", secret.as_uri())


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("atelier.data.fetch._PAUSES_SECONDS", ())
    monkeypatch.setattr("atelier.data.fetch.SILENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Unfetched, match="no answer in time"):
        fetch([f"http://127.0.0.1:{mute.getsockname()[1]}/it"], tmp_path / "it", sha256=None, check=lambda _: None)
