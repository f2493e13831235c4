"""The convolutional networks of Radford, Metz & Chintala 2016 (DCGAN, section 3 and figure 1).

No pooling and no hidden linear layers; both networks change the size by strided 4 × 4 convolutions alone.
Images start as (or end in) a square of 4 to 7 pixels that is doubled two to five times: 64 = 4·2⁴ is the
paper's, 28 = 7·2² is MNIST's. There is no bias in front of a normalisation: it would have a gradient of zero,
of which Adam steps follow the rounding noise.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from atelier.network.conditional import Labelled, Projection, norm
from atelier.network.layout import swift
from atelier.network.sizes import positive
from atelier.types import Mistake

_SQUARES = {base << doublings: (base, doublings) for doublings in range(2, 6) for base in range(4, 8)}


def _square(image_size: int) -> tuple[int, int]:
    """The smallest square's side and how often it is doubled to reach ``image_size``."""
    if image_size not in _SQUARES:
        nearest = [max((s for s in _SQUARES if s < image_size), default=None)]
        nearest += [min((s for s in _SQUARES if s > image_size), default=None)]
        sizes = " or ".join(str(size) for size in nearest if size is not None)
        raise Mistake(
            f"image_size={image_size}: DCGAN doubles a square of 4 to 7 pixels two to five times; "
            f"the nearest size that it can make is {sizes}"
        )
    return _SQUARES[image_size]


class DCGANGenerator(nn.Module):
    """Latents to images by transposed convolutions, BatchNorm and ReLU, with a tanh at the end.

    width: channels in front of the last layer; they double towards the latent. 128 gives the 1024 of the
        paper's figure, 64 is usual in code.
    num_classes: makes every BatchNorm conditional.
    """

    def __init__(
        self, latent_dim: int, channels: int, image_size: int, width: int, *, num_classes: int | None = None
    ) -> None:
        super().__init__()
        positive(latent_dim=latent_dim, channels=channels, width=width, num_classes=num_classes)
        base, doublings = _square(image_size)
        inside = width << (doublings - 1)
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, inside, base, bias=False)]
        layers += [norm(inside, num_classes), nn.ReLU(True)]
        for _ in range(doublings - 1):
            layers += [nn.ConvTranspose2d(inside, inside // 2, 4, stride=2, padding=1, bias=False)]
            inside //= 2
            layers += [norm(inside, num_classes), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(inside, channels, 4, stride=2, padding=1), nn.Tanh()]
        self.layers = Labelled(layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[B, C, H, W]`` in [-1, 1] from latents ``[B, latent_dim]`` and labels ``[B]``."""
        images: Tensor = self.layers(swift(z[:, :, None, None]), labels)
        return images


class DCGANDiscriminator(nn.Module):
    """Images to logits by strided convolutions and leaky ReLUs of slope 0.2.

    width: channels behind the first layer; they double with every halving of the image.
    norm: channels -> normalisation of every layer but the first and the last, or None for none (WGAN-GP wants
        none: BatchNorm makes one image's gradient depend on the others).
    num_classes: adds the projection of the label on the last features.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        width: int,
        norm: Callable[[int], nn.Module] | None,
        *,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        positive(channels=channels, width=width)
        base, halvings = _square(image_size)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, True),
        ]
        for _ in range(halvings - 1):
            layers += [nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=norm is None)]
            width *= 2
            layers += [] if norm is None else [norm(width)]
            layers += [nn.LeakyReLU(0.2, True)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = Projection(width * base**2, num_classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[B]`` of images ``[B, C, H, W]`` and labels ``[B]``."""
        logits: Tensor = self.head(self.layers(swift(images)), labels)
        return logits
