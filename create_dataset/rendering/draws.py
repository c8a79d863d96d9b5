"""Randomness by name: every draw comes from (seed, person, frame, what is drawn).

So neither the number of processes nor what was rendered before changes a picture.
"""

from enum import IntEnum

import numpy as np

from create_dataset.rendering.curves import FloatArray


class Drawn(IntEnum):
    """What is drawn. The numbers decide every picture: never renumber them."""

    TRAITS = 0
    SCENE = 1
    SKIN = 2
    HAIR = 3
    BACKGROUND = 4
    TRACKS = 5
    LIGHTS = 6
    PIXEL_NOISE = 7
    SCHEDULE = 8
    TIE = 9
    GROUPS = 10
    MODEL = 11


def generator(seed: int, drawn: Drawn, person: int = 0, frame: int = 0) -> np.random.Generator:
    """For one purpose; people count from 1, what concerns all of them is 0's."""
    return np.random.default_rng([seed, person, frame, drawn])


def smooth_noise(draws: np.random.Generator, sigma: float, size: int) -> FloatArray:
    """Gaussian noise, smoothed with a Gaussian of ``sigma`` pixels and of unit spread: (size,
    size), periodic. Coarse noise is drawn coarsely and interpolated.
    """
    from scipy.ndimage import gaussian_filter

    factor = 1
    while 2 * factor * 2 <= sigma and size % (2 * factor) == 0:
        factor *= 2
    white = draws.standard_normal((size // factor, size // factor), dtype=np.float32)
    smooth = _enlarged(gaussian_filter(white, sigma / factor, mode="wrap"), factor)
    return smooth / np.float32(smooth.std(dtype=np.float64))


def _enlarged(field: FloatArray, factor: int) -> FloatArray:
    """Linear interpolation of a periodic field to ``factor`` times its size."""
    if factor == 1:
        return field
    weight = ((np.arange(factor, dtype=np.float32) + 0.5) / factor)[:, None]
    for _ in range(2):  # along the rows, transposed, and along the other rows
        after = np.roll(field, -1, axis=0)
        steps = field[:, None] * (1 - weight) + after[:, None] * weight
        field = steps.reshape(-1, field.shape[1]).T
    return np.ascontiguousarray(field)
