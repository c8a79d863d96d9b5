"""Kernels over triangles: which one each pixel of a picture shows.

Picture coordinates have their origin at the top left, y down; larger z is nearer.
"""

import math

import numpy as np

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import ByteArray, IntArray, Part

FARTHEST = np.float32(-1e9)
"""The depth of a pixel that nothing covers."""
NOTHING = -1
"""The triangle of such a pixel."""
_LASHES = int(Part.LASHES)
_LASH_CARD = 0.488
"""Lash cards are in two halves of the texture: u up to this, and from 1 - this."""
_LASH_ROWS = 6.0
"""Rows of lash cards in the texture."""


@compiled
def rasterise(
    points: FloatArray,
    triangles: IntArray,
    parts: ByteArray,
    uv: FloatArray,
    size: int,
    lashes: float,
) -> tuple[IntArray, FloatArray]:
    """The nearest triangle that faces the camera (size, size), NOTHING if there is none, and the
    weights of its first two vertices (size, size, 2). ``lashes``: hairs per card.
    """
    depth = np.full((size, size), FARTHEST, np.float32)
    shown = np.full((size, size), NOTHING, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        lash = parts[f] == _LASHES
        area = np.float64((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
        if abs(area) < 1e-9 or (area > 0 and not lash):  # y is down: front faces are negative
            continue
        inverse = 1 / area
        left, right = pixel_span(ax, bx, cx, size)
        top, bottom = pixel_span(ay, by, cy, size)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * inverse
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * inverse
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * points[a, 2] + wb * points[b, 2] + wc * points[c, 2]
                if z <= depth[row, column]:
                    continue
                if lash and not _on_hair(
                    wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0],
                    wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1],
                    lashes,
                ):
                    continue
                depth[row, column] = z
                shown[row, column] = f
                weights[row, column, 0] = wa
                weights[row, column, 1] = wb
    return shown, weights


@compiled
def pixel_span(a: float, b: float, c: float, size: int) -> tuple[int, int]:
    """The first and last pixel whose centre may be in a triangle, along one axis."""
    first, last = math.ceil(min(a, b, c) - 0.5), math.floor(max(a, b, c) - 0.5)
    return max(0, first), min(size - 1, last)


@compiled
def _on_hair(u: float, v: float, hairs: float) -> bool:
    """Whether a point on a lash card is on one of its hairs, which are bent and taper off."""
    along = u / _LASH_CARD if u < 0.5 else (u - 1 + _LASH_CARD) / _LASH_CARD
    card = math.floor(v * _LASH_ROWS)
    height = v * _LASH_ROWS - card
    phase = along * hairs + 0.35 * height + 0.37 * card
    return abs(phase - math.floor(phase) - 0.5) <= 0.11 * (1.0 - height)


@compiled
def depth_map(points: FloatArray, triangles: IntArray, size: int, both_sides: bool) -> FloatArray:
    """The depth of the nearest triangle at each pixel (size, size): of those that face the light,
    or of all.
    """
    depth = np.full((size, size), FARTHEST, np.float32)
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        area = np.float64((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
        if abs(area) < 1e-9 or (area > 0 and not both_sides):
            continue
        inverse = 1 / area
        left, right = pixel_span(ax, bx, cx, size)
        top, bottom = pixel_span(ay, by, cy, size)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * inverse
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * inverse
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * points[a, 2] + wb * points[b, 2] + wc * points[c, 2]
                depth[row, column] = max(z, depth[row, column])
    return depth
