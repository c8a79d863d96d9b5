"""Meshes of bars and ribbons along curves."""

import numpy as np
import numpy.typing as npt

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import IntArray

Mesh = tuple[FloatArray, IntArray]
"""Points (P, 3) and triangles (F, 3), anticlockwise from outside."""


def bar(path: DoubleArray, across: DoubleArray, deep: DoubleArray, closed: bool = False) -> Mesh:
    """A bar with a rectangular cross-section along a path (N, 3); ``across`` and ``deep`` (N, 3)
    point from the path to its sides.
    """
    corners = np.stack(
        [path + across + deep, path - across + deep, path - across - deep, path + across - deep],
        axis=1,
    )
    rings = np.arange(len(path))
    after = (rings + 1) % len(path) if closed else rings[1:]
    before = rings if closed else rings[:-1]
    triangles = []
    for corner in range(4):
        following = (corner + 1) % 4
        one, two = before * 4 + corner, before * 4 + following
        three, four = after * 4 + following, after * 4 + corner
        triangles += [np.stack([one, two, three], 1), np.stack([one, three, four], 1)]
    points = corners.reshape(-1, 3)
    faces = np.concatenate(triangles)
    middle = np.concatenate([path[before]] * 8)
    return points.astype(np.float32), _outwards(points, faces, middle)


def _outwards(
    points: DoubleArray, triangles: npt.NDArray[np.int64], middle: DoubleArray
) -> IntArray:
    a, b, c = points[triangles[:, 0]], points[triangles[:, 1]], points[triangles[:, 2]]
    towards = ((a + b + c) / 3 - middle) * np.cross(b - a, c - a)
    inside = towards.sum(axis=1) < 0
    triangles[inside] = triangles[inside][:, ::-1]
    return triangles.astype(np.int32)


def joined(meshes: list[Mesh]) -> Mesh:
    """All meshes in one."""
    starts = np.cumsum([0, *(len(points) for points, _ in meshes)])
    triangles = [faces + np.int32(s) for (_, faces), s in zip(meshes, starts[:-1], strict=True)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(triangles)


def ribbons(paths: DoubleArray, widths: DoubleArray, outward: DoubleArray) -> Mesh:
    """Flat ribbons along L paths (L, N, 3), facing ``outward`` (L, N, 3); ``widths`` (L, N), cm."""
    along = np.gradient(paths, axis=1)
    across = np.cross(along, outward)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9
    edges = 0.5 * widths[..., None] * across
    points = np.stack([paths - edges, paths + edges], axis=2).reshape(-1, 3)
    count, length = paths.shape[:2]
    first = (np.arange(count)[:, None] * length + np.arange(length - 1)).reshape(-1) * 2
    faces = np.concatenate(
        [np.stack([first, first + 2, first + 1], 1), np.stack([first + 1, first + 2, first + 3], 1)]
    )
    a, b, c = (points[faces[:, k]] for k in range(3))
    seen_from = np.repeat(outward.reshape(-1, 3), 2, axis=0)[faces[:, 0]]
    inside = (seen_from * np.cross(b - a, c - a)).sum(axis=1) < 0
    faces[inside] = faces[inside][:, ::-1]
    return points.astype(np.float32), faces.astype(np.int32)
