"""Backgrounds: gradients, noise, blobs, rectangles and lines, sharp or out of focus."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from create_dataset.rendering.curves import FloatArray, linear_light

_SIDE = 128
"""Resolution at which a background is drawn; pictures of all sizes show the same one."""
_LIGHT_OF_LEVEL: FloatArray = linear_light(np.arange(256) / 255).astype(np.float32)
_SHARP = 0.2
"""The share of backgrounds that are in focus."""
_Colour = tuple[int, int, int]


def backdrop(rng: np.random.Generator, size: int) -> FloatArray:
    """Linear light (size, size, 3)."""
    picture = _gradient(rng)
    for _ in range(int(rng.integers(0, 4))):
        _LAYERS[int(rng.integers(len(_LAYERS)))](picture, rng)
    if rng.random() < 0.4:
        picture = _noisy(picture, rng)
    if rng.random() > _SHARP:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(1, 9)))
    large = picture.resize((size, size), Image.Resampling.BILINEAR)
    light: FloatArray = _LIGHT_OF_LEVEL[np.asarray(large)]
    return light * np.float32(np.exp(rng.normal(0, 0.25)))


def _colour(rng: np.random.Generator) -> _Colour:
    """Mostly greyish, as walls are; sometimes bright and sometimes nearly black or white."""
    grey, tint = rng.uniform(0, 255), rng.normal(0, rng.choice([4, 12, 40]), 3)
    red, green, blue = np.clip(grey + tint, 0, 255).astype(int).tolist()
    return red, green, blue


def _gradient(rng: np.random.Generator) -> Image.Image:
    corners = np.array([[_colour(rng), _colour(rng)], [_colour(rng), _colour(rng)]])
    if rng.random() < 0.5:  # one wall
        corners = corners[:1, :1] + (0.25 * (corners - corners[:1, :1])).astype(int)
    small = Image.fromarray(corners.astype(np.uint8))
    return small.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)


def _rectangles(picture: Image.Image, rng: np.random.Generator) -> None:
    """Windows, doors, shelves."""
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 8))):
        left, top = rng.uniform(-30, _SIDE, 2).tolist()
        width, height = rng.uniform(8, 90, 2).tolist()
        outline = _colour(rng) if rng.random() < 0.3 else None
        pen.rectangle((left, top, left + width, top + height), _colour(rng), outline)


def _blobs(picture: Image.Image, rng: np.random.Generator) -> None:
    """Lamps, leaves, other heads."""
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 20))):
        x, y = rng.uniform(0, _SIDE, 2).tolist()
        wide, high = rng.uniform(2, 24, 2).tolist()
        pen.ellipse((x - wide, y - high, x + wide, y + high), _colour(rng))


def _lines(picture: Image.Image, rng: np.random.Generator) -> None:
    """Blinds, books, panels: parallel lines, or lines at any angle."""
    pen = ImageDraw.Draw(picture)
    step, colour = rng.uniform(4, 24), _colour(rng)
    kind, width = int(rng.integers(3)), int(rng.integers(1, 5))
    if kind == 2:
        for start, end in rng.uniform(0, _SIDE, (int(rng.integers(2, 10)), 2, 2)).tolist():
            pen.line((*start, *end), _colour(rng), width)
        return
    for place in np.arange(rng.uniform(0, step), _SIDE, step).tolist():
        upright = (place, 0, place, _SIDE)
        pen.line(upright if kind else (0, place, _SIDE, place), colour, width)


_LAYERS: tuple[Callable[[Image.Image, np.random.Generator], None], ...] = (
    _rectangles,
    _blobs,
    _lines,
)


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Texture, from fine (plaster) to coarse (foliage)."""
    side = int(rng.choice([8, 16, 32, 64, 128]))
    channels = 3 if rng.random() < 0.3 else 1
    spread = rng.uniform(5, 45)
    grain = rng.normal(128, spread, (side, side, channels)).clip(0, 255).astype(np.uint8)
    coarse = Image.fromarray(np.broadcast_to(grain, (side, side, 3)).copy())
    fine = np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), np.int16)
    mixed = np.asarray(picture, np.int16) + fine - 128
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
