"""Smooth random fields: mottled skin, strands of hair, clouds on a wall."""

import math

import numpy as np

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import DoubleArray, FloatArray

_COARSEST = 2.0
"""Fields are drawn as coarsely as possible with a blur of at least this many of their pixels."""
_REACH = 4.0
"""A Gaussian is cut off after this many standard deviations."""
_SAMPLED = 4
"""The spread is measured on every fourth row and column."""


def smooth_noise(rng: np.random.Generator, sigma: float, size: int) -> FloatArray:
    """Periodic noise (size, size), smoothed with a Gaussian of ``sigma`` pixels and scaled to unit
    spread. Coarse noise is drawn at low resolution and interpolated.
    """
    factor = 1
    while 2 * factor * _COARSEST <= sigma and size % (2 * factor) == 0:
        factor *= 2
    white = rng.random((size // factor, size // factor), dtype=np.float32) - np.float32(0.5)
    smooth = _enlarged(_blurred(white, _gaussian(sigma / factor)), factor)
    spread = smooth[::_SAMPLED, ::_SAMPLED].std(dtype=np.float64)
    scaled: FloatArray = smooth * np.float32(1 / spread)
    return scaled


def _gaussian(sigma: float) -> FloatArray:
    """Weights from the centre outwards; those of both sides sum to 1."""
    places: DoubleArray = np.arange(math.ceil(_REACH * sigma) + 1, dtype=np.float64)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    scaled: DoubleArray = weights / (2 * weights.sum() - weights[0])
    return scaled.astype(np.float32)


@compiled
def _blurred(field: FloatArray, weights: FloatArray) -> FloatArray:
    """A periodic field (N, N) convolved with symmetric weights, down and across."""
    size, reach = len(field), len(weights) - 1
    down = np.empty_like(field)
    across = np.empty_like(field)
    padded = np.empty(size + 2 * reach, np.float32)
    for row in range(size):
        for column in range(size):
            down[row, column] = weights[0] * field[row, column]
        for k in range(1, reach + 1):
            above, below = (row - k) % size, (row + k) % size
            for column in range(size):
                down[row, column] += weights[k] * (field[above, column] + field[below, column])
    for row in range(size):
        for place in range(size + 2 * reach):
            padded[place] = down[row, (place - reach) % size]
        for column in range(size):
            across[row, column] = weights[0] * padded[column + reach]
        for k in range(1, reach + 1):
            for column in range(size):
                both = padded[column + reach - k] + padded[column + reach + k]
                across[row, column] += weights[k] * both
    return across


def _enlarged(field: FloatArray, factor: int) -> FloatArray:
    """Linear interpolation of a periodic field to ``factor`` times its size."""
    if factor == 1:
        return field
    weight = ((np.arange(factor) + 0.5) / factor).astype(np.float32)[:, None]
    for _ in range(2):  # along one axis, then, transposed, along the other
        after = np.roll(field, -1, axis=0)
        steps = field[:, None] * (1 - weight) + after[:, None] * weight
        field = steps.reshape(-1, field.shape[1]).T
    return np.ascontiguousarray(field)
