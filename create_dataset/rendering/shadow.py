"""Depth of the head as the light sees it."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import IntArray
from create_dataset.rendering.mesh import transformed
from create_dataset.rendering.rasteriser import depth_of

_MARGIN = 4
"""Pixels left free at each side."""


@dataclass(frozen=True)
class ShadowMap:
    """``depth`` (S, S); a point is seen at ``matrix @ point + offset``."""

    depth: FloatArray
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
    seen = transformed(points, matrix, np.zeros(3, np.float32))[:, :2]
    corner = seen.min(axis=0)
    scale = (size - 2 * _MARGIN) / (seen.max(axis=0) - corner).max()
    matrix[:2] *= scale
    offset = np.append(_MARGIN - corner * scale, 0).astype(np.float32)
    depth = depth_of(transformed(points, matrix, offset), triangles, size, both_sides)
    return ShadowMap(depth, matrix, offset)
