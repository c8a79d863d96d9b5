"""Augmentation of a uint8 batch on its device.

Per image: a horizontal flip with probability 0.5; with probability 0.9 changes of brightness,
contrast and saturation, in this order, as one affine map of the colours (clamped once, at the end);
then, on the input only, Gaussian noise with a standard deviation drawn per image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_GREY = (0.299, 0.587, 0.114)
"""Luma weights of R, G, B (ITU-R BT.601), as in torchvision."""


@dataclass(frozen=True)
class Draws:
    """The random parameters of B images, on their device."""

    flip: Tensor
    """Boolean (B,)."""
    factors: Tensor
    """Brightness, contrast and saturation, (B, 3)."""
    noise: Tensor
    """Added to the input, (B, 3, H, W)."""

    def __getitem__(self, images: slice) -> "Draws":
        return Draws(self.flip[images], self.factors[images], self.noise[images])

    def to(self, device: torch.device) -> "Draws":
        return Draws(self.flip.to(device), self.factors.to(device), self.noise.to(device))


def concatenate(draws: Sequence[Draws]) -> Draws:
    """The draws of several groups of images as one."""
    if len(draws) == 1:
        return draws[0]
    flips, factors, noises = zip(*((d.flip, d.factors, d.noise) for d in draws), strict=True)
    return Draws(torch.cat(flips), torch.cat(factors), torch.cat(noises))


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Probabilities and ranges; a factor of 1 leaves an image unchanged. ``noise`` is in units of
    the pixel range.
    """

    flip: float = 0.5
    colour: float = 0.9
    brightness: tuple[float, float] = (0.5, 1.5)
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.0, 1.5)
    noise: tuple[float, float] = (0.0, 0.015)

    def __call__(self, frames: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw for a batch and ``apply`` the draws."""
        return apply(self.draw(len(frames), frames.shape[2:], generator), frames)

    def draw(self, count: int, size: Sequence[int], generator: torch.Generator) -> Draws:
        """Draw for ``count`` images of (height, width), on the generator's device."""
        device = generator.device

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand(count, generator=generator, device=device) * (high - low) + low

        flip = uniform(0, 1) < self.flip
        jittered = (uniform(0, 1) < self.colour).view(-1, 1)
        drawn = [uniform(*limits) for limits in (self.brightness, self.contrast, self.saturation)]
        factors = torch.stack(drawn, dim=1)
        deviation = uniform(*self.noise).view(-1, 1, 1, 1)
        noise = torch.randn((count, 3, *size), generator=generator, device=device)
        return Draws(flip, torch.where(jittered, factors, 1.0), noise.mul_(deviation))


def apply(draws: Draws, frames: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 (B, 3, H, W) to (noisy, clean), float32 (B, 3, H, W) in [0, 1]; noise may exceed it."""
    clean = jitter(draws, frames)
    return clean + draws.noise, clean


def jitter(draws: Draws, frames: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) flipped and with changed colours, without noise: float32 in [0, 1]."""
    clean = to_unit_range(frames)
    clean = torch.where(draws.flip.view(-1, 1, 1, 1), clean.flip(-1), clean)
    return change_colours(clean, *draws.factors.unbind(dim=1))


def to_unit_range(frames: Tensor) -> Tensor:
    """uint8 pixels as float32 in [0, 1]."""
    return frames.to(torch.float32) / 255


def change_colours(
    pixels: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """Change brightness b, then contrast c, then saturation s (each (B,)) of pixels in [0, 1],
    clamped at the end.

    With g the grey value of a pixel and m the mean grey value of its image, the three steps

        x <- b x;  x <- c x + (1 - c) mean(grey(x));  x <- s x + (1 - s) grey(x)

    combine to c b (s x + (1 - s) g) + (1 - c) b m.
    """
    red, green, blue = pixels.split(1, dim=1)
    grey = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
    b, c, s = (factor.view(-1, 1, 1, 1) for factor in (brightness, contrast, saturation))
    mean_grey = grey.mean(dim=(2, 3), keepdim=True)
    changed: Tensor = c * b * (s * pixels + (1 - s) * grey) + (1 - c) * b * mean_grey
    return changed.clamp(0, 1)
