"""A convolutional encoder and decoder for images of any size."""

from __future__ import annotations

from torch import Tensor, nn

from atelier.network.sizes import positive


class ConvAutoencoder(nn.Module):
    """Images to codes through 3 × 3 convolutions that halve the image, and back.

    Every halving rounds up and doubles the channels; the decoder doubles the image to the very sizes that it had
    (by repeating pixels, which leaves no checkerboard: Odena et al. 2016) and convolves. There is no BatchNorm,
    so an image's code does not depend on the others of its batch.

    width: channels behind the first convolution.
    halvings: how often the image is halved.
    units: width K of the code.
    code: makes the code of the encoder's last numbers, e.g. Sigmoid.
    output: makes levels of the decoder's last numbers, e.g. Sigmoid.
    """

    def __init__(
        self,
        *,
        channels: int,
        image_size: int,
        units: int,
        width: int,
        halvings: int,
        code: nn.Module,
        output: nn.Module,
    ) -> None:
        super().__init__()
        positive(channels=channels, image_size=image_size, units=units, width=width, halvings=halvings)
        self.shape, self.units = (channels, image_size, image_size), units
        sizes = [image_size]
        for _ in range(halvings):
            sizes.append(-(-sizes[-1] // 2))
        widths = [width << level for level in range(halvings)]
        down: list[nn.Module] = [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.ReLU()]
        up: list[nn.Module] = []
        for level in range(1, halvings):
            down += [nn.Conv2d(widths[level - 1], widths[level], 3, stride=2, padding=1), nn.ReLU()]
        for level in reversed(range(1, halvings)):
            up += [nn.Upsample(size=sizes[level]), nn.Conv2d(widths[level], widths[level - 1], 3, padding=1), nn.ReLU()]
        inside = widths[-1], sizes[-1], sizes[-1]
        flat = widths[-1] * sizes[-1] ** 2
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, units), code)
        self.decoder = nn.Sequential(
            *(nn.Linear(units, flat), nn.ReLU(), nn.Unflatten(1, inside)),
            *up,
            *(nn.Upsample(size=image_size), nn.Conv2d(width, channels, 3, padding=1), output),
        )

    def encode(self, levels: Tensor) -> Tensor:
        """Codes ``[B, units]`` of levels ``[B, C, H, W]`` in [0, 1]."""
        codes: Tensor = self.encoder(levels)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Levels ``[B, C, H, W]``, in [0, 1] behind a sigmoid, of codes ``[B, units]``."""
        levels: Tensor = self.decoder(codes)
        return levels

    def filters(self) -> dict[str, Tensor]:
        """The kernels next to the pixels: ``[n, C, 3, 3]`` for encoder and decoder."""
        return {
            "encoder": self.get_parameter("encoder.0.weight").detach(),
            "decoder": self.get_parameter(f"decoder.{len(self.decoder) - 2}.weight").detach().transpose(0, 1),
        }
