"""What answers to --version: this program, and what its runs depend on most."""

from __future__ import annotations

import platform
from importlib import metadata

_PACKAGES = {"atelier": "atelier-lab", "torch": "torch", "lightning": "pytorch-lightning"}
"""Names as they are shown and as they are installed."""


def versions() -> str:
    """One to a line; read from what is installed, so that nothing heavy is imported."""
    found = {name: _installed(package) for name, package in _PACKAGES.items()}
    return "\n".join(f"{name} {version}" for name, version in [*found.items(), ("python", platform.python_version())])


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
