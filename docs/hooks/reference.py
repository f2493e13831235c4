"""The configuration reference, made from conf/ and from the classes that it names."""

from __future__ import annotations

from pathlib import Path

from arguments import summary
from keys import Key, choices, content_of, keys, parents

from atelier.cli.verbs import VERBS
from atelier.config.words import describe

_MACHINERY = ("hydra/launcher", "hydra/sweeper", "hydra/sweeper/sampler", "hydra/sweeper/pruner")
"""Groups of Hydra's own that we fill; its logging is no user's choice."""


def pages(conf: Path) -> dict[str, str]:
    """Name of each page → its Markdown."""
    axes = sorted(folder.name for folder in conf.iterdir() if folder.is_dir() and folder.name != "hydra")
    made = {"verbs": _verbs(conf), **{axis: _page(conf, axis) for axis in axes}}
    made["hydra"] = "\n".join(["# hydra: launchers and sweepers", "", *_sections(conf, list(_MACHINERY))])
    return {"index": _index(conf, axes), **made}


def _index(conf: Path, axes: list[str]) -> str:
    lines = [
        "# Configuration reference",
        "",
        "Made from the YAMLs in `conf/` and the signatures of the classes that they name. An axis is chosen by",
        "`axis=option`; an option below it is set by its name, as in `data.batch_size=32`. `--cfg job` after any",
        "command prints what it composes to. An argument of a class that its YAML leaves out is added with a plus:",
        "`+model.generator_optimizer.weight_decay=1e-4`.",
        "",
        "Which beats which: the command line, then `experiment`, then what `model` and `data` choose, then `train`'s",
        "own choice.",
        "",
        "- [Verbs](verbs.md): the commands and their own options",
    ]
    chosen = dict(choices(conf / "train.yaml"))
    for axis in axes:
        options = sorted(file.stem for file in (conf / axis).glob("*.yaml"))
        default = chosen.get(axis)
        also = f"; default `{default}`" if default not in (None, "None") else ""
        lines.append(f"- [`{axis}`]({axis}.md): {', '.join(f'`{option}`' for option in options)}{also}")
    return "\n".join([*lines, "- [`hydra`](hydra.md): launchers and sweepers", ""])


def _verbs(conf: Path) -> str:
    lines = ["# Verbs", "", "Each is `python src/<verb>.py`, or `atelier <verb>` where the package is installed.", ""]
    for verb, purpose in VERBS.items():
        file = conf / f"{verb}.yaml"
        axes = [axis for axis, _ in choices(file) if not axis.startswith("hydra/")]
        lines += [f"## {verb}", "", f"{_cell(purpose).capitalize()}.", ""]
        if axes:
            lines += ["Composed of " + ", ".join(f"[`{axis}`]({axis}.md)" for axis in dict.fromkeys(axes)) + ".", ""]
        lines += [*_table(keys(file, ""), kinds=False), ""]
    return "\n".join(lines)


def _page(conf: Path, group: str) -> str:
    used = [verb for verb in VERBS if group in dict(choices(conf / f"{verb}.yaml"))]
    lines = [f"# {group}", ""]
    if used:
        lines += ["An axis of " + ", ".join(f"`{verb}`" for verb in used) + ".", ""]
    return "\n".join(lines + _sections(conf, [group]))


def _sections(conf: Path, groups: list[str]) -> list[str]:
    files = {f"{group}={file.stem}": file for group in groups for file in sorted((conf / group).glob("*.yaml"))}
    lines = ["| option | |", "|---|---|"]
    lines += [f"| [`{word}`](#{_anchor(word)}) | {_cell(describe(file))} |" for word, file in files.items()]
    for word, file in files.items():
        lines += ["", f"## {word} {{ #{_anchor(word)} }}", "", f"{_cell(describe(file))}", "", *_option(word, file)]
    return [*lines, ""]


def _option(word: str, file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    if text.startswith("# @package _global_"):
        return ["```yaml", text.strip(), "```"]
    group = word.partition("=")[0]
    target = content_of(file).get("_target_")
    lines: list[str] = []
    if target:
        said = summary(str(target))
        lines += [f"`{target}`" + (f": {_cell(said)}" if said else ""), ""]
    for parent in parents(file):
        lines += [f"Everything else as [`{group}={parent}`](#{_anchor(f'{group}={parent}')}).", ""]
    if chosen := choices(file):
        lines += ["Chooses " + ", ".join(f"`{axis}={option}`" for axis, option in chosen) + ".", ""]
    return lines + _table(keys(file, group.replace("/", ".")))


def _table(rows: list[Key], *, kinds: bool = True) -> list[str]:
    if not rows:
        return ["Nothing to set."]
    lines = (
        ["| option | default | type | |", "|---|---|---|---|"] if kinds else ["| option | default | |", "|---|---|---|"]
    )
    for name, default, kind, text in rows:
        middle = [_code(default), _cell(kind)] if kinds else [_code(default)]
        lines.append(f"| {' | '.join([_code(name), *middle, _cell(text)])} |")
    return lines


def _anchor(word: str) -> str:
    return word.replace("=", "-").replace("/", "-")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _cell(text: str) -> str:
    """Text that cannot end a table's cell or begin a tag."""
    return text.replace("|", "&#124;").replace("<", "&lt;").replace("*", "&#42;").replace("\n", " ")
