"""What the page must not do, kept by the server: no request leaves this machine, no documentation of an API."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The browser itself refuses whatever would be fetched from elsewhere, now or in a later version of Gradio.
_POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio's page is made of both
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_CLOSED = ("/gradio_api/info", "/gradio_api/openapi", "/gradio_api/mcp", "/monitoring", "/openapi.json")
# Cards for social media: they name addresses elsewhere, and this page is nobody's to share.
_CARDS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*?>\s*')


class Shield:
    """ASGI middleware (starlette) around Gradio's application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is closed, and pass the rest on with our headers and without links to elsewhere."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(_CLOSED):
            await PlainTextResponse("not here", status_code=404)(scope, receive, send)
        elif "view" in parse_qs(scope["query_string"].decode("latin-1")):  # Gradio's pages of API and settings
            await RedirectResponse("/")(scope, receive, send)
        else:
            await self._app(scope, receive, _Answer(send))


class _Answer:
    """``send`` for one answer: a page of HTML is held back until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in _HEADERS.items())]
            kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            if any(kind.startswith(b"text/html") for kind in kinds):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._page(self._start, without_cards(self._body))
            return
        await self._send(message)

    async def _page(self, start: Message, body: bytes) -> None:
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def without_cards(page: bytes) -> bytes:
    """``page`` without the cards that social media would show of it."""
    return _CARDS.sub(b"", page)
