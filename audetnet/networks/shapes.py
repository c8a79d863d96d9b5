"""Shapes of the tensors between blocks, and checks that a block's options fit them."""

import math

from audetnet.config.binding import OptionError
from audetnet.networks.layers import CHANNELS

Shape = tuple[int, int, int]
"""(channels, height, width) of one image's tensor, without the batch."""
MAX_ELEMENTS = 10**15
"""Of a tensor: four thousand terabytes. Below this no product of sizes overflows in torch."""


class SourceError(OptionError):
    """Options that do not fit the shapes of the referenced blocks."""


def size_text(shape: tuple[int, ...]) -> str:
    """``64x8x8``"""
    return "x".join(map(str, shape))


def sizes_text(shapes: tuple[Shape, ...]) -> str:
    """``64x8x8, 32x8x8``"""
    return ", ".join(map(size_text, shapes))


def check_window(source: Shape, size: int, padding: int) -> None:
    """Raise OptionError unless a square window fits into the padded source."""
    if min(source[1:]) + 2 * padding < size:
        raise OptionError(
            f"a {size}x{size} window does not fit its {source[1]}x{source[2]} input "
            f"with padding {padding}: "
            "the output would collapse below 1x1"
        )


def check_output(shape: Shape, key: str | None = None) -> None:
    """Raise OptionError for an output without a pixel, or one that no machine could hold."""
    if min(shape) < 1:
        raise OptionError(f"its output would collapse below 1x1 ({size_text(shape)})", key)
    if math.prod(shape) > MAX_ELEMENTS:
        raise OptionError(f"its output would be {size_text(shape)}, which no machine can hold", key)


def check_weights(sizes: tuple[int, ...], key: str) -> None:
    """Raise OptionError for a tensor of weights that no machine could hold."""
    if math.prod(sizes) > MAX_ELEMENTS:
        raise OptionError(
            f"its weights would be {size_text(sizes)}, which no machine can hold", key
        )


def check_dimension(dimension: int, key: str) -> None:
    """Raise OptionError for a dimension other than channels, height and width."""
    if not CHANNELS <= dimension < 4:
        reason = "would mix the images of a batch" if dimension == 0 else "but images are 4-D"
        raise OptionError(f"{key}={dimension} {reason}; channels are 1, height 2, width 3", key)


def check_image(source: Shape, name: str, smallest: int = 1) -> None:
    """Raise OptionError unless the source is an image of three channels and enough pixels."""
    if source[0] != 3:
        raise OptionError(f"{name} reads an image of 3 channels, but its input has {source[0]}")
    if min(source[1:]) < smallest:
        raise OptionError(
            f"{name} needs an image of at least {smallest}x{smallest}, "
            f"but its input is {source[1]}x{source[2]}"
        )


def concatenated(sources: tuple[Shape, ...], dimension: int, key: str) -> Shape:
    """The shape of the concatenated sources. Raises SourceError if another dimension differs."""
    sizes = [set(along) for along in zip(*sources, strict=True)]
    if any(len(found) > 1 for axis, found in enumerate(sizes, start=1) if axis != dimension):
        raise SourceError(f"shapes differ in dimensions other than {dimension}", key)
    channels, height, width = (
        sum(along) if axis == dimension else along[0]
        for axis, along in enumerate(zip(*sources, strict=True), start=1)
    )
    return channels, height, width


def multiplied(sources: tuple[Shape, ...], key: str) -> Shape:
    """The shape of the sources' product; sizes of 1 are broadcast. Raises SourceError if the shapes
    do not fit.
    """
    sizes = [set(along) - {1} for along in zip(*sources, strict=True)]
    if any(len(found) > 1 for found in sizes):
        raise SourceError("shapes cannot be multiplied", key)
    channels, height, width = (max(found, default=1) for found in sizes)
    return channels, height, width
