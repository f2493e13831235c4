"""The sweep files for ``wandb sweep``: they drive options that there are, towards the score that runs log."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from atelier.cli.sweep_aim import aim


@pytest.mark.parametrize("file", sorted(Path(__file__).parents[2].glob("sweeps/*.yaml")), ids=lambda file: file.stem)
def test_sweep_files_drive_our_options(file: Path, composed: Callable[..., Any]) -> None:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (file.parents[1] / content["program"]).is_file()
    assert content["command"][:3] == ["${env}", "${interpreter}", "${program}"]
    assert content["command"][-1] == "${args_no_hyphens}"
    fixed = content["command"][3:-1]
    choices = [
        [(name, value) for value in option.get("values", [option.get("min"), option.get("max")])]
        for name, option in content["parameters"].items()
    ]
    longest = max(map(len, choices))
    for drawn in itertools.islice(zip(*(itertools.cycle(values) for values in choices), strict=True), longest):
        cfg = composed(*fixed, *_agents_words(dict(drawn)))
    if cfg.data_name == "stripes":
        cfg.data.source.train = cfg.data.source.test = 2  # the truth is known of any number
    # The server looks for the name in the rows of a run: of a summary's parts it knows nothing.
    name, higher = aim(cfg)
    assert content["metric"] == {"name": name, "goal": "maximize" if higher else "minimize"}


def _agents_words(drawn: dict[str, Any]) -> list[str]:
    """What ``wandb agent`` puts in the place of ${args_no_hyphens}."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    words: list[str] = create_sweep_command_args({"args": {name: {"value": drawn[name]} for name in drawn}})[
        "args_no_hyphens"
    ]
    return words
