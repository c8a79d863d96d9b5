"""The shadow map: depth of the head as seen from the light."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import IntArray
from create_dataset.rendering.mesh import bounds, transformed
from create_dataset.rendering.rasteriser import depth_map

_MARGIN = 4
"""Pixels left free on each side."""


@dataclass(frozen=True, kw_only=True)
class ShadowMap:
    """``depth`` (S, S); ``places`` (V, 3): column, row and depth of each vertex. Any other point is
    at ``matrix @ point + offset``.
    """

    depth: FloatArray
    places: FloatArray
    matrix: FloatArray
    offset: FloatArray


def shadow_map(
    points: FloatArray, triangles: IntArray, direction: DoubleArray, size: int, both_sides: bool
) -> ShadowMap:
    """Seen from infinitely far away in a direction (3,), as large as fits."""
    ahead = direction / np.linalg.norm(direction)
    right = np.cross([0, 1, 0.01], ahead)
    right /= np.linalg.norm(right)
    matrix = np.stack([right, -np.cross(ahead, right), ahead]).astype(np.float32)
    low, high = bounds(transformed(points, matrix, np.zeros(3, np.float32)))
    scale = (size - 2 * _MARGIN) / max(high[0] - low[0], high[1] - low[1])
    matrix[:2] *= scale
    offset = np.append(_MARGIN - low[:2] * scale, 0).astype(np.float32)
    places = transformed(points, matrix, offset)
    depth = depth_map(places, triangles, size, both_sides)
    return ShadowMap(depth=depth, places=places, matrix=matrix, offset=offset)
