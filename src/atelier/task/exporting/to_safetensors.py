"""safetensors: weights that hold no code, and a JSON that names the network's class and its arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from atelier.task.exporting.program import Bundle, Differs
from atelier.task.exporting.written import Written

_HOW = """\
import functools, importlib, json, pathlib
from safetensors.torch import load_file

def build(part):  # imports what the JSON names: open one that you trust
    if not isinstance(part, dict) or "class" not in part: return part
    module, _, name = part["class"].rpartition(".")
    arguments = {key: build(value) for key, value in part["arguments"].items()}
    made = functools.partial(getattr(importlib.import_module(module), name), **arguments)
    return made if part["partial"] else made()

network = build(json.loads(pathlib.Path("NAME.json").read_text())["network"]).eval()
network.load_state_dict(load_file("NAME.safetensors"))"""


class Safetensors:
    """Networks as ``<name>.safetensors`` with ``<name>.json``, what is known of them in both."""

    needs: tuple[str, ...] = ("safetensors",)
    library = "atelier"

    def check(self, bundle: Bundle) -> None:
        """Every network can be written."""

    def write(self, bundle: Bundle, folder: Path) -> Iterator[Written]:
        """Write and read back one network after the other.

        Raises:
            Differs: if a weight is not the same.
        """
        from safetensors.torch import load_file, save

        for network in bundle.networks:
            file = folder / f"{network.name}.safetensors"
            facts = bundle.facts | {"value_range": network.value_range, "use": network.use}
            state = network.module.state_dict()
            weights = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
            # Its own writer tells of a full disk in an error of its own, as torch's does.
            file.write_bytes(save(weights, metadata={"atelier": json.dumps(facts)}))
            described = facts | {"network": described_by(network.node)}
            (folder / f"{network.name}.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
            loaded = load_file(file)
            if loaded.keys() != weights.keys() or not all(torch.equal(loaded[name], weights[name]) for name in weights):
                raise Differs(f"{file.name} does not hold the weights that were written; nothing was kept")
            yield Written(file, network.use, _HOW.replace("NAME", network.name), 0.0)


def described_by(node: Any) -> Any:
    """A part of the configuration in words of its own: class, arguments, and whether it waits for more of them."""
    if isinstance(node, Mapping) and "_target_" in node:
        arguments = {key: described_by(value) for key, value in node.items() if not _is_ours(key)}
        return {"class": node["_target_"], "arguments": arguments, "partial": bool(node.get("_partial_", False))}
    return node


def _is_ours(key: str) -> bool:
    return key == "facts" or (key.startswith("_") and key.endswith("_"))
