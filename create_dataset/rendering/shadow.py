"""Depth of the head as the light sees it."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import IntArray
from create_dataset.rendering.mesh import bounds, transformed
from create_dataset.rendering.rasteriser import depth_of

_MARGIN = 4
"""Pixels left free at each side."""


@dataclass(frozen=True, kw_only=True)
class ShadowMap:
    """``depth`` (S, S); ``places`` (V, 3): column, row and depth of each vertex in it. Another
    point is seen at ``matrix @ point + offset``.
    """

    depth: FloatArray
    places: FloatArray
    matrix: FloatArray
    offset: FloatArray


def shadow_map(
    points: FloatArray, triangles: IntArray, direction: DoubleArray, size: int, both_sides: bool
) -> ShadowMap:
    """Seen from a direction (3,) infinitely far away, as large as the map holds."""
    ahead = direction / np.linalg.norm(direction)
    right = np.cross([0, 1, 0.01], ahead)
    right /= np.linalg.norm(right)
    matrix = np.stack([right, -np.cross(ahead, right), ahead]).astype(np.float32)
    low, high = bounds(transformed(points, matrix, np.zeros(3, np.float32)))
    scale = (size - 2 * _MARGIN) / max(high[0] - low[0], high[1] - low[1])
    matrix[:2] *= scale
    offset = np.append(_MARGIN - low[:2] * scale, 0).astype(np.float32)
    places = transformed(points, matrix, offset)
    depth = depth_of(places, triangles, size, both_sides)
    return ShadowMap(depth=depth, places=places, matrix=matrix, offset=offset)
