"""What is behind a face: gradients, noise, blobs, rectangles and lines, sharp or out of focus."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from create_dataset.rendering.curves import FloatArray, linear_light

_SIDE = 128
"""Pixels that a background is drawn with; pictures of all sizes show the same one."""
_LIGHT_OF_LEVEL: FloatArray = linear_light(np.arange(256) / 255).astype(np.float32)
_SHARP = 0.2
"""The share of backgrounds that are in focus."""
_Colour = tuple[int, int, int]


def backdrop(draws: np.random.Generator, size: int) -> FloatArray:
    """Amounts of light (size, size, 3)."""
    picture = _gradient(draws)
    for _ in range(int(draws.integers(0, 4))):
        _LAYERS[int(draws.integers(len(_LAYERS)))](picture, draws)
    if draws.random() < 0.4:
        picture = _noisy(picture, draws)
    if draws.random() > _SHARP:
        picture = picture.filter(ImageFilter.GaussianBlur(draws.uniform(1, 9)))
    large = picture.resize((size, size), Image.Resampling.BILINEAR)
    light: FloatArray = _LIGHT_OF_LEVEL[np.asarray(large)]
    return light * np.float32(np.exp(draws.normal(0, 0.25)))


def _colour(draws: np.random.Generator) -> _Colour:
    """Mostly greyish, as walls are; sometimes bright and sometimes nearly black or white."""
    grey, tint = draws.uniform(0, 255), draws.normal(0, draws.choice([4, 12, 40]), 3)
    red, green, blue = np.clip(grey + tint, 0, 255).astype(int).tolist()
    return red, green, blue


def _gradient(draws: np.random.Generator) -> Image.Image:
    corners = np.array([[_colour(draws), _colour(draws)], [_colour(draws), _colour(draws)]])
    if draws.random() < 0.5:  # one wall
        corners = corners[:1, :1] + (0.25 * (corners - corners[:1, :1])).astype(int)
    small = Image.fromarray(corners.astype(np.uint8))
    return small.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)


def _rectangles(picture: Image.Image, draws: np.random.Generator) -> None:
    """Windows, doors, shelves."""
    pen = ImageDraw.Draw(picture)
    for _ in range(int(draws.integers(1, 8))):
        left, top = draws.uniform(-30, _SIDE, 2).tolist()
        width, height = draws.uniform(8, 90, 2).tolist()
        outline = _colour(draws) if draws.random() < 0.3 else None
        pen.rectangle((left, top, left + width, top + height), _colour(draws), outline)


def _blobs(picture: Image.Image, draws: np.random.Generator) -> None:
    """Lamps, leaves, other heads."""
    pen = ImageDraw.Draw(picture)
    for _ in range(int(draws.integers(2, 20))):
        x, y = draws.uniform(0, _SIDE, 2).tolist()
        wide, high = draws.uniform(2, 24, 2).tolist()
        pen.ellipse((x - wide, y - high, x + wide, y + high), _colour(draws))


def _lines(picture: Image.Image, draws: np.random.Generator) -> None:
    """Blinds, books, panels: parallel lines, or some at any angle."""
    pen = ImageDraw.Draw(picture)
    step, colour = draws.uniform(4, 24), _colour(draws)
    kind, width = int(draws.integers(3)), int(draws.integers(1, 5))
    if kind == 2:
        for start, end in draws.uniform(0, _SIDE, (int(draws.integers(2, 10)), 2, 2)).tolist():
            pen.line((*start, *end), _colour(draws), width)
        return
    for place in np.arange(draws.uniform(0, step), _SIDE, step).tolist():
        upright = (place, 0, place, _SIDE)
        pen.line(upright if kind else (0, place, _SIDE, place), colour, width)


_LAYERS: tuple[Callable[[Image.Image, np.random.Generator], None], ...] = (
    _rectangles,
    _blobs,
    _lines,
)


def _noisy(picture: Image.Image, draws: np.random.Generator) -> Image.Image:
    """Texture of some coarseness, from plaster to foliage."""
    side = int(draws.choice([8, 16, 32, 64, 128]))
    channels = 3 if draws.random() < 0.3 else 1
    spread = draws.uniform(5, 45)
    grain = draws.normal(128, spread, (side, side, channels)).clip(0, 255).astype(np.uint8)
    coarse = Image.fromarray(np.broadcast_to(grain, (side, side, 3)).copy())
    fine = np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), np.int16)
    mixed = np.asarray(picture, np.int16) + fine - 128
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
