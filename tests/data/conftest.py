from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(cache: Path) -> Path:
    """Every test here has a cache of its own."""
    return cache


@pytest.fixture
def mnist_root() -> Path:
    """The real MNIST files, in $ATELIER_TEST_DATA/mnist or in shared/data/mnist beside the checkout."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    root = Path(os.environ.get("ATELIER_TEST_DATA", beside)) / "mnist"
    if not root.is_dir():
        pytest.skip(f"real MNIST is not in {root}")
    return root


@dataclass
class Page:
    """What a test's web server answers: each of the lists holds one thing per request, and is then at its end."""

    content: bytes
    kind: str = "application/zip"
    etag: str = '"1"'
    ranges: bool = True
    sized: bool = True
    statuses: list[int] = field(default_factory=list)
    breaks_after: list[int] = field(default_factory=list)


class Web:
    """A web server of a test's own on this machine: pages by path, and the paths and ranges that were asked for."""

    page = Page

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str | None]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.path, self.headers["Range"]))
                web.answer(self, web.pages.get(self.path, Page(b"", statuses=[404])))

            def log_message(self, *words: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, page: Page) -> None:
        if page.statuses:
            request.send_error(page.statuses.pop(0))
            return
        wanted, mark = request.headers["Range"], request.headers["If-Range"]
        start = int(wanted[len("bytes=") : -1]) if wanted and page.ranges and mark == page.etag else 0
        if start and start >= len(page.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(page.content)}")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
        for name, value in (("Content-Type", page.kind), ("ETag", page.etag)):
            request.send_header(name, value)
        if page.sized:
            request.send_header("Content-Length", str(len(page.content) - start))
        request.end_headers()
        end = start + page.breaks_after.pop(0) if page.breaks_after else len(page.content)
        request.wfile.write(page.content[start:end])


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server on 127.0.0.1, asked again without a pause."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("atelier.data.fetch._PAUSES_SECONDS", (0.0, 0.0, 0.0))
    made = Web()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of these members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def drawn(seed: int, size: tuple[int, int] = (8, 8), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A picture file of noise."""
    made = io.BytesIO()
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    levels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(levels, mode).save(made, kind)
    return made.getvalue()


@pytest.fixture
def zip_of() -> Callable[[Mapping[str, bytes]], bytes]:
    """Makes a zip archive of members by name."""
    return zipped


@pytest.fixture
def picture_of() -> Callable[..., bytes]:
    """Makes a picture file of noise: seed, (width, height), mode, format."""
    return drawn
