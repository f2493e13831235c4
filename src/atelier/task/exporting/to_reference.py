"""The files of the public CycleGAN implementation (junyanz/pytorch-CycleGAN-and-pix2pix)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from atelier.network.reference import read_reference, to_reference
from atelier.task.exporting.families import used
from atelier.task.exporting.program import Bundle, Differs
from atelier.task.exporting.written import Written, write_at_once
from atelier.task.init_from import PUBLIC
from atelier.types import Mistake


class Reference:
    """A CycleGAN's generators and critics as ``latest_net_G_A.pth`` and so on."""

    needs: tuple[str, ...] = ()
    library = "pytorch"

    def check(self, bundle: Bundle) -> None:
        """Raise a Mistake if the model is no CycleGAN, or that implementation has no such networks."""
        public(bundle.model)

    def write(self, bundle: Bundle, folder: Path) -> Iterator[Written]:
        """Write and read back all four networks.

        Raises:
            Differs: if a weight is not the same.
        """
        for theirs, state in public(bundle.model).items():
            file = folder / f"latest_{theirs}.pth"
            write_at_once(file, partial(torch.save, state))
            loaded = read_reference(file)
            if loaded.keys() != state.keys() or not all(torch.equal(loaded[name], state[name]) for name in state):
                raise Differs(f"{file.name} does not hold the weights that were written; nothing was kept")
            yield Written(file, f"{PUBLIC[theirs]} as the public implementation calls it", "", 0.0)


def public(model: nn.Module) -> dict[str, dict[str, Tensor]]:
    """The weights of each network under the public implementation's names; averaged where the model keeps averages.

    Raises:
        Mistake: if the model is no CycleGAN, or that implementation has no such networks.
    """
    try:
        found = {theirs: used(model, ours) for theirs, ours in PUBLIC.items()}
    except Mistake as mistake:
        raise Mistake(f"{mistake}: the public implementation's files are a CycleGAN's") from None
    return {theirs: to_reference(network) for theirs, network in found.items()}
