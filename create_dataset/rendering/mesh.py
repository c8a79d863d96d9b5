"""Kernels over vertices: shapes, positions, normals."""

import math

import numpy as np

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import IntArray


@compiled
def blend_shapes(base: FloatArray, shapes: FloatArray, weights: FloatArray) -> FloatArray:
    """``base`` (V, 3) plus the weighted shapes (K, V, 3)."""
    result = base.copy()
    for k in range(len(weights)):
        weight = weights[k]
        if abs(weight) > 1e-4:
            for v in range(base.shape[0]):
                for axis in range(3):
                    result[v, axis] += weight * shapes[k, v, axis]
    return result


@compiled
def transformed(points: FloatArray, matrix: FloatArray, offset: FloatArray) -> FloatArray:
    """``matrix @ point + offset`` of each point (V, 3)."""
    result = np.empty_like(points)
    for v in range(points.shape[0]):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        for axis in range(3):
            result[v, axis] = (
                matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2] * z + offset[axis]
            )
    return result


@compiled
def bounds(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The smallest and largest coordinates (3,) of points (V, 3)."""
    low, high = points[0].copy(), points[0].copy()
    for v in range(points.shape[0]):
        for axis in range(3):
            low[axis] = min(low[axis], points[v, axis])
            high[axis] = max(high[axis], points[v, axis])
    return low, high


@compiled
def normals(points: FloatArray, triangles: IntArray) -> FloatArray:
    """The unit normal of each vertex (V, 3): the mean over its triangles, weighted by area."""
    sums = np.zeros_like(points)
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x, y, z = points[a, 0], points[a, 1], points[a, 2]
        ax, ay, az = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        bx, by, bz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (a, b, c):
            sums[v, 0] += nx
            sums[v, 1] += ny
            sums[v, 2] += nz
    for v in range(points.shape[0]):
        length = math.sqrt(sums[v, 0] ** 2 + sums[v, 1] ** 2 + sums[v, 2] ** 2) + 1e-12
        for axis in range(3):
            sums[v, axis] /= length
    return sums
