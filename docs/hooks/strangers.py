"""What a built page would fetch from other hosts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

_ASKS = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "form": ("action",),
}
_LINKS = {"stylesheet", "icon", "preconnect", "dns-prefetch", "preload", "prefetch", "manifest", "modulepreload"}
_ABROAD = re.compile(r"\s*(?:https?:)?//", re.I)
_IN_STYLE = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")\s]+)", re.I)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses that a browser opens by itself; a link that waits for a click is none."""
        given = {name: value or "" for name, value in attrs}
        asked = [given[name] for name in _ASKS.get(tag, ()) if name in given]
        if tag == "link" and _LINKS & set(given.get("rel", "").lower().split()):
            asked.append(given.get("href", ""))
        self.found += [address for address in asked if _ABROAD.match(address)]
        self.found += _IN_STYLE.findall(given.get("style", ""))


def strangers(text: str, *, style: bool = False) -> list[str]:
    """Addresses at other hosts that the page ``text`` (or the style sheet) opens by itself."""
    if style:
        return _IN_STYLE.findall(text)
    page = _Page()
    page.feed(text)
    inside = [css for block in re.findall(r"<style[^>]*>(.*?)</style>", text, re.S) for css in _IN_STYLE.findall(block)]
    return page.found + inside


def asked(site: Path) -> list[str]:
    """``file: address`` for all pages and style sheets below ``site``."""
    return [
        f"{file.relative_to(site)}: {address}"
        for file in sorted(site.rglob("*"))
        if file.suffix in (".html", ".css")
        for address in strangers(file.read_text(encoding="utf-8"), style=file.suffix == ".css")
    ]
