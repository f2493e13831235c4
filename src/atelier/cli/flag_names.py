"""The flags that people need, and what can follow them."""

from __future__ import annotations

FLAGS = {
    "--help": "what there is",
    "--cfg": "print the configuration and stop",
    "--info": "what Hydra knows: defaults, searchpath, plugins",
    "--multirun": "a run for every combination of listed values (-m)",
    "--resolve": "with --cfg: interpolations are filled in",
    "--package": "with --cfg: a part of it",
    "--version": "of this program, torch, Lightning and Python",
    "--config-dir": "a folder of your own YAMLs",
}
AFTER_FLAG = {
    "--cfg": ["all", "hydra", "job"],
    "-c": ["all", "hydra", "job"],
    "--info": ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"],
}
