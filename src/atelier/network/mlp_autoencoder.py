"""A fully connected encoder and its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from atelier.network.sizes import positive
from atelier.network.tied import Transposed


class MLPAutoencoder(nn.Module):
    """Images to codes and back through ``hidden`` layers with ReLUs; without any, one layer each way.

    hidden: widths of the layers between image and code; the decoder has the same ones in reverse.
    units: width K of the code.
    code: makes the code of the encoder's last numbers, e.g. Sigmoid.
    output: makes levels of the decoder's last numbers, e.g. Sigmoid.
    tied: the decoder's weights are the encoder's, transposed.
    center: the level that the encoder takes for 0. Any other is made up for by the biases of its first layer; one in
        the middle of the data's levels is learned with far fewer steps.
    """

    def __init__(
        self,
        *,
        channels: int,
        image_size: int,
        units: int,
        hidden: Sequence[int],
        code: nn.Module,
        output: nn.Module,
        tied: bool = False,
        center: float = 0.0,
    ) -> None:
        super().__init__()
        positive(channels=channels, image_size=image_size, units=units)
        positive(**{f"hidden[{place}]": size for place, size in enumerate(hidden)})
        self.shape, self.units = (channels, image_size, image_size), units
        self.tied, self.center = tied, center
        sizes = [channels * image_size**2, *hidden, units]
        forwards = _layers(sizes)
        linear = [layer for layer in forwards if isinstance(layer, nn.Linear)]
        backwards = [Transposed(linear, nn.ReLU())] if tied else _layers(sizes[::-1])
        self.encoder = nn.Sequential(nn.Flatten(), *forwards, code)
        self.decoder = nn.Sequential(*backwards, output, nn.Unflatten(1, self.shape))

    def encode(self, levels: Tensor) -> Tensor:
        """Codes ``[B, units]`` of levels ``[B, C, H, W]`` in [0, 1]."""
        codes: Tensor = self.encoder(levels - self.center)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Levels ``[B, C, H, W]``, in [0, 1] behind a sigmoid, of codes ``[B, units]``."""
        levels: Tensor = self.decoder(codes)
        return levels

    def filters(self) -> dict[str, Tensor]:
        """What the units next to the pixels look for and draw: ``[n, C, H, W]`` for encoder and decoder."""
        looking = self.get_parameter("encoder.1.weight").detach()
        last = f"decoder.{len(self.decoder) - 3}.weight"
        drawing = looking if self.tied else self.get_parameter(last).detach().t()
        return {"encoder": looking.reshape(-1, *self.shape), "decoder": drawing.reshape(-1, *self.shape)}


def _layers(sizes: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]
