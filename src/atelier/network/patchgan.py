"""Critics that judge patches: a map of logits, one for each place of the image (Isola et al. 2017, section 3.2.2)."""

from __future__ import annotations

from torch import Tensor, nn

from atelier.network.layout import swift_in_full
from atelier.network.normalisation import Norm, keeps_bias
from atelier.network.sides import Sides
from atelier.network.sizes import positive
from atelier.precise import widened
from atelier.types import Mistake


class PatchGAN(nn.Module):
    """4 × 4 convolutions, the first ``layers`` of them halving, and leaky ReLUs of slope 0.2.

    Each logit sees a square of 16, 34, 70, 142 or 286 pixels for 1 to 5 layers; 3 are the 70 × 70 critic of pix2pix
    and CycleGAN. (An instance norm lets a little of the whole image through.)

    channels: of the images.
    width: channels behind the first convolution; they double with every further one up to eightfold.
    layers: halvings.
    norm: channels -> normalisation behind every convolution but the first and the last, or None for none.
    image_size: side of the images in training where it is known, to refuse it early if it is too small.
    """

    def __init__(
        self, *, channels: int, width: int, layers: int, norm: Norm | None, image_size: int | None = None
    ) -> None:
        super().__init__()
        positive(channels=channels, width=width, layers=layers)
        # The two convolutions that do not halve take one pixel off each.
        self.sides = Sides(f"a PatchGAN of {layers} layers", multiple=1, smallest=3 * 2**layers)
        self.sides.check(image_size)
        norm = norm or nn.Identity
        widths = [width * min(2**level, 8) for level in range(layers + 1)]
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)]
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            inputs, outputs = widths[level - 1], widths[level]
            stack += [nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=keeps_bias(norm))]
            stack += [norm(outputs), nn.LeakyReLU(0.2, True)]
        self.layers = nn.Sequential(*stack, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[B, 1, H/2^layers − 2, W/2^layers − 2]`` (halves rounded down) of images ``[B, channels, H, W]``.

        Raises:
            Mistake: for images that are too small, or labels.
        """
        _unlabelled(labels)
        self.sides.check(*images.shape[2:])
        return widened(self.layers(swift_in_full(images)))


class PixelCritic(nn.Module):
    """Judges every pixel by itself, by 1 × 1 convolutions: colours, no shapes ("PixelGAN" of the paper).

    channels: of the images.
    width: channels behind the first convolution; the second doubles them.
    norm: channels -> normalisation behind the second convolution, or None for none.
    """

    def __init__(self, *, channels: int, width: int, norm: Norm | None) -> None:
        super().__init__()
        positive(channels=channels, width=width)
        norm = norm or nn.Identity
        bias = keeps_bias(norm)
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels, width, 1), nn.LeakyReLU(0.2, True)),
            *(nn.Conv2d(width, 2 * width, 1, bias=bias), norm(2 * width), nn.LeakyReLU(0.2, True)),
            nn.Conv2d(2 * width, 1, 1, bias=bias),  # as in the authors' code, the norm decides here as well
        )

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[B, 1, H, W]`` of images ``[B, channels, H, W]``; raises a Mistake for labels."""
        _unlabelled(labels)
        return widened(self.layers(images))


def _unlabelled(labels: Tensor | None) -> None:
    if labels is not None:
        raise Mistake("condition=label: a critic of patches or pixels knows no classes; take condition=none")
