"""Augmentation of a uint8 batch on its device.

Per image: a horizontal flip with probability 0.5; with probability 0.9 brightness, contrast and
saturation, in this order, as one affine map of the colours (so values are clamped once, at the
end); then, on the input only, Gaussian noise whose standard deviation is drawn for the image.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_GREY = (0.299, 0.587, 0.114)
"""Weights of R, G, B in a grey value (ITU-R BT.601), as in torchvision."""


@dataclass(frozen=True)
class Augmentation:
    """The ranges to draw from; factors of 1 leave an image as it is. ``noise`` is in units of the
    pixel range.
    """

    flip: float = 0.5
    colour: float = 0.9
    brightness: tuple[float, float] = (0.5, 1.5)
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.0, 1.5)
    noise: tuple[float, float] = (0.0, 0.015)

    def __call__(self, frames: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """uint8 (B, 3, H, W) to (noisy, clean), float32 (B, 3, H, W) in [0, 1] (noise may leave the
        range).
        """
        count, device = len(frames), frames.device

        def draw(low: float, high: float) -> Tensor:
            return torch.rand(count, generator=generator, device=device) * (high - low) + low

        clean = to_unit_range(frames)
        clean = torch.where((draw(0, 1) < self.flip).view(-1, 1, 1, 1), clean.flip(-1), clean)
        jittered = draw(0, 1) < self.colour
        one = torch.ones(count, device=device)
        factors = [
            torch.where(jittered, draw(*limits), one)
            for limits in (self.brightness, self.contrast, self.saturation)
        ]
        clean = change_colours(clean, *factors)
        deviation = draw(*self.noise).view(-1, 1, 1, 1)
        noise = torch.randn(clean.shape, generator=generator, device=device)
        return clean + deviation * noise, clean


def to_unit_range(frames: Tensor) -> Tensor:
    """uint8 pixels as float32 in [0, 1]."""
    return frames.to(torch.float32) / 255


def change_colours(
    pixels: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """Brightness b, then contrast c, then saturation s (each (B,)) of pixels in [0, 1], clamped at
    the end.

    With g the grey value of a pixel and m the mean grey value of its image, the three steps

        x <- b x;  x <- c x + (1 - c) mean(grey(x));  x <- s x + (1 - s) grey(x)

    are together c b (s x + (1 - s) g) + (1 - c) b m.
    """
    weights = pixels.new_tensor(_GREY).view(1, 3, 1, 1)
    grey = (pixels * weights).sum(dim=1, keepdim=True)
    b, c, s = (factor.view(-1, 1, 1, 1) for factor in (brightness, contrast, saturation))
    mean_grey = grey.mean(dim=(2, 3), keepdim=True)
    return (c * b * (s * pixels + (1 - s) * grey) + (1 - c) * b * mean_grey).clamp(0, 1)
