"""Kernels for the surface at a point: skin with its folds, iris."""

import math
from typing import NamedTuple

import numpy as np

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray, smoothstep_at
from create_dataset.rendering.face_model import IntArray

Colour = tuple[float, float, float]
SKIN_CHANNELS = 7
"""In a skin texture: red, green, blue, gloss, and the gradient of the pores (x, y, z)."""


_SHALLOWEST = -1e-4
"""Centimetres; shallower folds are not darkened."""


class Skin(NamedTuple):
    """``texture`` (T, T, 7); ``folds`` (T / 2, T / 2, 4): gradient and height of the folds in this
    frame, shifted by ``offset`` (2,) texels.
    """

    texture: FloatArray
    folds: FloatArray
    offset: FloatArray


class Eyes(NamedTuple):
    """``colour`` (3,) of the iris; ``shape`` (3,): radius of iris and pupil in radii of the
    eyeball, redness of the white.
    """

    colour: FloatArray
    shape: FloatArray


@compiled
def sum_folds(maps: FloatArray, boxes: IntArray, strengths: FloatArray) -> FloatArray:
    """The sum of all folds (T / 2, T / 2, 4), each in its box with its strength."""
    result = np.zeros(maps.shape[1:], np.float32)
    for k in range(len(strengths)):
        strength = strengths[k]
        if strength > 0.01:
            for row in range(boxes[k, 0], boxes[k, 1] + 1):
                for column in range(boxes[k, 2], boxes[k, 3] + 1):
                    for channel in range(4):
                        result[row, column, channel] += strength * maps[k, row, column, channel]
    return result


@compiled
def _corner(x: float, size: int) -> tuple[int, float]:
    """The texel before a position, and the distance from it."""
    x = min(max(x, 0.0), size - 1.001)
    whole = int(x)
    return whole, x - whole


@compiled
def skin_at(skin: Skin, u: float, v: float, found: FloatArray) -> None:
    """Write colour, gloss and gradient of the skin at texture coordinates to ``found`` (7,)."""
    texture, folds = skin.texture, skin.folds
    size = texture.shape[0]
    x, y = u * size - 0.5, (1.0 - v) * size - 0.5
    column, fx = _corner(x, size)
    row, fy = _corner(y, size)
    w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    for channel in range(7):
        found[channel] = (
            w00 * texture[row, column, channel]
            + w01 * texture[row, column + 1, channel]
            + w10 * texture[row + 1, column, channel]
            + w11 * texture[row + 1, column + 1, channel]
        )
    column, fx = _corner((column + fx) * 0.5 + skin.offset[0], folds.shape[1])
    row, fy = _corner((row + fy) * 0.5 + skin.offset[1], folds.shape[0])
    w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    height = (
        w00 * folds[row, column, 3]
        + w01 * folds[row, column + 1, 3]
        + w10 * folds[row + 1, column, 3]
        + w11 * folds[row + 1, column + 1, 3]
    )
    for axis in range(3):
        found[4 + axis] += (
            w00 * folds[row, column, axis]
            + w01 * folds[row, column + 1, axis]
            + w10 * folds[row + 1, column, axis]
            + w11 * folds[row + 1, column + 1, axis]
        )
    if height < _SHALLOWEST:  # valleys are darker, least in red
        dark = max(0.55, 1.0 + height * 7.0)
        found[0] *= dark**0.8
        found[1] *= dark
        found[2] *= dark


@compiled
def eye_at(eyes: Eyes, x: float, y: float, z: float) -> Colour:
    """The colour of the eyeball at a point in its own coordinates."""
    radius = math.sqrt(x * x + y * y) if z >= 0 else 9.0
    iris, pupil, redness = eyes.shape[0], eyes.shape[1], eyes.shape[2]
    angle = math.atan2(y, x)
    fibres = 0.78 + 0.16 * math.sin(angle * 23 + 3 * math.sin(radius * 9))
    fibres += 0.12 * math.sin(angle * 41 + 1.3)
    relative = radius / iris
    rim = 1.0 - 0.75 * smoothstep_at(0.80, 1.0, relative)
    centre = 1.0 + 0.5 * smoothstep_at(0.75, 0.4, relative)
    outside_pupil = smoothstep_at(pupil * 0.92, pupil * 1.08, radius)
    white = smoothstep_at(iris * 0.95, iris * 1.05, radius)
    red = smoothstep_at(0.9, 1.5, radius) * redness
    light = fibres * rim * centre * outside_pupil
    return (
        (eyes.colour[0] * light + 0.004) * (1 - white) + white * 0.66 * (1 - 0.10 * red),
        (eyes.colour[1] * light + 0.004) * (1 - white) + white * 0.62 * (1 - 0.42 * red),
        (eyes.colour[2] * light + 0.004) * (1 - white) + white * 0.60 * (1 - 0.45 * red),
    )
