"""Pages and texts that are written from templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2


def template(file: Path, *others: Path, escape: bool, **filters: Callable[..., Any]) -> jinja2.Template:
    """The template in ``file``, which may include files beside it and those in the folders ``others``.

    escape: whether what is filled in is text of a page, and no markup of its own.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([file.parent, *others]),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters)
    return environment.get_template(file.name)
