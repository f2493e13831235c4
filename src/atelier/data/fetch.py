"""Fetching one large file over HTTP: it goes on where it broke off, and is there only when it is whole."""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from atelier.data.fetch_part import Part
from atelier.patience import SILENCE_SECONDS

log = logging.getLogger(__name__)

# Waits before the same address is asked again; a try that got further than any before starts them anew.
_PAUSES_SECONDS = (1.0, 3.0, 9.0)

_LATER = {408, 425, 429, 500, 502, 503, 504}
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}


class Unfetched(RuntimeError):
    """No address gave the file; the text lists them, each with its reason."""


class _Refused(RuntimeError):
    """This address will not give the file, however often it is asked."""


class _Wanted(NamedTuple):
    """A file to be fetched: where it grows, its digest (None: unknown), and what raises RuntimeError on a wrong one."""

    part: Part
    sha256: str | None
    check: Callable[[Path], None]


def is_http(address: str) -> bool:
    """Whether this is an address that :func:`fetch` would ask."""
    return urlsplit(address).scheme in ("http", "https") and bool(urlsplit(address).hostname)


def fetch(addresses: Sequence[str], target: Path, *, sha256: str | None, check: Callable[[Path], None]) -> None:
    """Make ``target`` out of the first address that gives it.

    Until it is whole and checked, the file grows as ``<target>.part``, which a later call continues if the server
    still has the same version.

    Raises Unfetched, and OSError where the disk is full or may not be written to.
    """
    if not addresses:
        raise Unfetched("no address is known that gives it")
    wanted = _Wanted(Part(target), sha256, check)
    reasons: list[str] = []
    for address in addresses:
        try:
            _fetch_patiently(address, wanted)
        except RuntimeError as error:
            log.warning("%s: %s", address, error)
            reasons.append(f"{address} ({error})")
            continue
        wanted.part.complete()
        return
    raise Unfetched(f"none of {len(addresses)} addresses gave it: {'; '.join(reasons)}")


def _fetch_patiently(address: str, wanted: _Wanted) -> None:
    """Ask one address until the part is whole and right. Raises RuntimeError where that is in vain."""
    pauses, furthest = list(_PAUSES_SECONDS), 0
    while True:
        try:
            _transfer(address, wanted.part)
            break
        except (OSError, http.client.HTTPException) as error:
            reason = _said(error)
            if _is_this_machines(error):
                raise
            if not _may_help_to_wait(error):
                raise _Refused(reason) from error
        reached = wanted.part.size
        if reached > furthest:
            pauses, furthest = list(_PAUSES_SECONDS), reached
        if not pauses:
            raise _Refused(reason)
        log.info("%s: %s; asking again in %g s", address, reason, pauses[0])
        time.sleep(pauses.pop(0))
    try:
        _verify(wanted)
    except RuntimeError:
        wanted.part.forget()  # going on from wrong bytes would never end well
        raise


def _transfer(address: str, part: Part) -> None:
    """Bring the part to its end, from where it is if the server agrees."""
    have, mark = part.standing(address)
    headers = {"User-Agent": "atelier", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark}
    try:
        response = _opener().open(urllib.request.Request(address, headers=headers), timeout=SILENCE_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            if error.headers.get("Content-Range", "") == f"bytes */{have}":
                return  # nothing was missing but the end of the last call
        part.forget()
        raise OSError("the server has another version of the file") from None
    with response:
        if response.headers.get_content_type() == "text/html":
            raise _Refused("a web page (HTML) came instead of the file")
        new_mark = _mark(response)
        if response.status == http.client.PARTIAL_CONTENT and mark and new_mark != mark:
            part.forget()
            raise OSError("the server has another version of the file")
        start = have if _continues(response, have) else 0
        part.grow(response, start, _total(response, start), address=address, mark=new_mark)


def _mark(response: Any) -> str:
    """What the server calls this version of the file, "" where it has no name for it."""
    etag: str = response.headers.get("ETag", "")
    # A weak mark promises the same meaning, not the same bytes (RFC 9110, 8.8.1).
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _continues(response: Any, have: int) -> bool:
    """Whether the answer begins where the part ends."""
    if response.status != http.client.PARTIAL_CONTENT:
        return False
    if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return True
    raise _Refused("the server answered with other bytes than were asked for")


def _total(response: Any, start: int) -> int | None:
    """The size of the whole file, None where the server does not say."""
    if whole := re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", "")):
        return int(whole[1])
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _verify(wanted: _Wanted) -> None:
    if wanted.sha256 is not None:
        with wanted.part.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted.sha256.lower():
            wanted.check(wanted.part.path)  # says more plainly what came, where it can
            raise _Refused(f"its SHA-256 is {found}, not {wanted.sha256}")
    wanted.check(wanted.part.path)


def _is_this_machines(error: OSError | http.client.HTTPException) -> bool:
    """Whether no address could help: the disk is full, the folder may not be written to."""
    # Numbers of TLS errors mean something else.
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in _FATAL


def _may_help_to_wait(error: OSError | http.client.HTTPException) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _LATER
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    # A name that cannot be found is a machine without a network, or a wrong name.
    return not isinstance(cause, socket.gaierror | ssl.SSLCertVerificationError | str)


def _said(error: OSError | http.client.HTTPException) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return " ".join(str(cause).split()) or type(cause).__name__


def _opener() -> urllib.request.OpenerDirector:
    """Asks over HTTP alone: the standard opener would also read this machine's files and FTP servers."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
