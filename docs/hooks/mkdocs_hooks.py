"""MkDocs' hooks: generated pages, pictures that lie beside docs/, links into the repository, and who is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from reference import pages
from strangers import asked

from atelier.config.words import conf_dir

_REFERENCE = "Configuration reference"
_made: dict[str, str] = {}


def on_config(config: Any) -> Any:
    """Put the generated pages where the navigation names them."""
    _made.update(pages(conf_dir()))
    for entry in config.nav:
        if _REFERENCE in entry:
            rest = [{name: f"reference/{name}.md"} for name in _made if name != "index"]
            entry[_REFERENCE] = ["reference/index.md", *rest]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the reference, and the pictures in the repository's assets/."""
    for name, text in _made.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    root = Path(config.config_file_path).parent
    for picture in sorted((root / "assets").iterdir()):
        files.append(File.generated(config, f"assets/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as the repository has them, as the site has them.

    assets/ lies inside the site; of what else lies outside docs/ only the name is left.
    """
    depth = page.file.src_uri.count("/")
    markdown = re.sub(r"(\]\()\.\./((?:\.\./)*assets/[^)]+\))", r"\1\2", markdown)
    outside = r"\[([^\]]+)\]\((?:\.\./){" + str(depth + 1) + r"}[^)]*\)"
    return re.sub(outside, lambda link: link[1] if "`" in link[1] else f"`{link[1]}`", markdown)


def on_post_build(config: Any) -> None:
    """Refuse a site whose pages ask other hosts for anything."""
    if found := asked(Path(config.site_dir)):
        raise PluginError("these pages ask other hosts:\n" + "\n".join(found))
