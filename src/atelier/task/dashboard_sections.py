"""What a workspace shows of each family of models: which names of which section. Needs neither torch nor wandb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

AXIS = "images_seen"


class Panel(NamedTuple):
    """A chart of some logged names, or of all that match ``pattern``."""

    title: str
    names: Sequence[str] = ()
    pattern: str | None = None


class Part(NamedTuple):
    """A section: charts, pictures by name, and what the machine measured."""

    title: str
    panels: Sequence[Panel] = ()
    pictures: Sequence[str] = ()
    machine: Sequence[str] = ()


_MACHINE = ("system/cpu", "system/proc.memory.rssMB", "system/gpu.0.gpu", "system/gpu.0.memoryAllocatedBytes")
_END = (
    Part("Throughput", (Panel("images a second", ("images_per_second",)), Panel("epoch", ("epoch",)))),
    Part("System", machine=_MACHINE),
)


def _scores(*panels: tuple[str, str]) -> Part:
    """Names carry the extractor, so a score is found by its beginning."""
    return Part("Scores", tuple(Panel(title, pattern=f"^val/{beginning}") for title, beginning in panels))


FAMILIES: dict[str, tuple[Part, ...]] = {
    "gan": (
        Part(
            "Losses of both players",
            (
                Panel("losses", ("d/loss", "g/loss")),
                Panel("value of the game", ("value",)),
                Panel("accuracy of the discriminator", ("d/accuracy_real", "d/accuracy_fake")),
            ),
        ),
        _scores(
            ("Fréchet distance", "(fid|fd_)"),
            ("kernel distance", "kid"),
            ("precision and recall", "(precision|recall)"),
            ("density and coverage", "(density|coverage)"),
        ),
        Part("Samples", pictures=("samples", "interpolation")),
        *_END,
    ),
    "cyclegan": (
        Part(
            "Losses of both players",
            (
                Panel("losses", ("d/loss", "g/loss")),
                Panel("generators against their critics", ("g/adversarial_a_to_b", "g/adversarial_b_to_a")),
                Panel("cycles", ("g/cycle_a", "g/cycle_b")),
                Panel("identities", ("g/identity_a", "g/identity_b")),
                Panel("discriminators", ("d/a/adversarial", "d/b/adversarial")),
                Panel("values of the games", ("value_a", "value_b")),
            ),
        ),
        _scores(("Fréchet distance", "(fid|fd_)"), ("against the truth", "truth"), ("kernel distance", "kid")),
        Part("Samples", pictures=("translations",)),
        *_END,
    ),
    "autoencoder": (
        Part("Loss", (Panel("loss", ("train/loss",)), Panel("its terms", pattern="^train/(?!loss$)"))),
        _scores(
            ("reconstruction", "(mse|psnr|ssim)"), ("what codes are worth", "probe"), ("activity", "(activation|dead)")
        ),
        Part("Samples", pictures=("reconstructions", "interpolation")),
        *_END,
    ),
}
"""Every family's sections, in the order in which they stand."""
