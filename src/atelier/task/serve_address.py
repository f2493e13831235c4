"""Where the page is served: whether the host and port can be had, found before a model is loaded."""

from __future__ import annotations

import errno
import socket

from atelier.types import Mistake


def check_address(host: str, port: int | None) -> None:
    """Have ``host`` and ``port`` (None: any port) for a moment.

    Gradio itself tries a hundred ports of a host that is not ours, and the terminal shows each.

    Raises:
        Mistake: if it cannot be opened.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a page that was closed just now is none
            ours.bind((host, port or 0))
    except OSError as error:
        raise Mistake(_why(error, host, port)) from error


def in_address(host: str) -> str:
    """``host`` as it stands in a page's address, where version 6 goes in brackets."""
    return f"[{host}]" if ":" in host else host


def _why(error: OSError, host: str, port: int | None) -> str:
    if isinstance(error, socket.gaierror):
        return f"host={host}: no machine is known by this name"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"host={host}: no address of this machine; 127.0.0.1 is it alone, 0.0.0.0 stands for all that it has"
    if error.errno == errno.EADDRINUSE:
        return f"port={port}: another program has it; port=null takes a free one"
    if error.errno == errno.EACCES:
        return f"port={port}: this system keeps it from you; those above 1023 are free to all"
    return f"host={host}{'' if port is None else f' port={port}'}: cannot be served there ({error.strerror})"
