"""Locks of hair that hang over the forehead or beside the face."""

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import FaceModel, Part
from create_dataset.rendering.head_mesh import Accessory
from create_dataset.rendering.varied.ribbons import Mesh, joined, ribbons

_STEPS = 9
"""Points along a lock."""
_LOCKS = 130
"""Number of locks in long hair."""


def fringe(
    model: FaceModel, rest: FloatArray, hair: DoubleArray, rng: np.random.Generator
) -> Accessory:
    """Hair over all or part of the forehead, down to some height between hairline and lids."""
    marks = rest[model.landmarks].astype(np.float64)
    brow = marks[[19, 24], 1].mean()
    lowest = brow + rng.uniform(-0.7, 2.6)
    parting, sweep = rng.uniform(-4, 4), rng.uniform(-1.8, 1.8)
    bare = rng.uniform(0, 2.5) * (rng.random() < 0.5)
    count = int(rng.integers(40, 90))
    start = rng.uniform(-6.2, 6.2, count)
    start = start[np.abs(start - parting) > bare]
    count = len(start)
    end = start + sweep + rng.normal(0, 0.35, count) + 0.15 * (start - parting) * bare
    bottom = lowest + 0.06 * (end - parting) ** 2 * -(bare > 0) + rng.normal(0, 0.35, count)
    bottom = np.maximum(bottom, brow - 1.3)
    top = 11.6 - 0.09 * start**2
    share = np.linspace(0, 1, _STEPS)
    x = start[:, None] + (end - start)[:, None] * share**1.3
    y = top[:, None] + np.minimum(bottom - top, -0.5)[:, None] * share
    lift = rng.uniform(0.25, 0.8, count)[:, None] * (0.4 + 0.6 * np.sin(np.pi * share))
    z = _front(model, rest, x, y) + lift
    paths = np.stack([x, y, z], axis=-1)
    outward = paths * (1, 0, 1)
    return _hair(ribbons(paths, _widths(count, rng), outward), hair, rng)


def curtains(
    model: FaceModel, rest: FloatArray, hair: DoubleArray, rng: np.random.Generator
) -> Accessory:
    """Long hair beside the face and behind the neck."""
    marks = rest[model.landmarks].astype(np.float64)
    width = np.abs(marks[[0, 16], 0]).mean()
    forward = rng.uniform(-1.5, 3.2)
    length = rng.uniform(-17, -3)
    side = rng.choice([-1.0, 1.0], _LOCKS)
    angle = rng.uniform(0, 1, _LOCKS) ** 0.8
    share = np.linspace(0, 1, _STEPS)
    swell = rng.uniform(0.6, 2.2) * np.sin(np.pi * np.minimum(1, 0.15 + share * 0.9))
    radius = width + 0.4 + 0.5 * swell[None] + rng.normal(0, 0.25, _LOCKS)[:, None]
    z = forward + 2 - (forward + 9) * angle
    x = side[:, None] * radius * np.sqrt(np.clip(1 - (angle * 0.85) ** 2, 0.02, 1))[:, None]
    top = 9.0 - 1.5 * angle
    y = top[:, None] + (length + rng.normal(0, 0.8, _LOCKS) - top)[:, None] * share
    depth = z[:, None] + rng.normal(0, 0.4, _LOCKS)[:, None] * share
    paths = np.stack([x, y, np.broadcast_to(depth, x.shape)], axis=-1)
    outward = np.broadcast_to(side[:, None, None] * (0.5, 0, 0) + (0, 0, 1), paths.shape)
    return _hair(ribbons(paths, 2.5 * _widths(_LOCKS, rng), outward), hair, rng)


def _front(model: FaceModel, rest: FloatArray, x: DoubleArray, y: DoubleArray) -> DoubleArray:
    """The depth of the forehead at (x, y), from the nearest vertices."""
    from scipy.spatial import cKDTree

    front = rest[model.is_in(Part.FACE, Part.HEAD)]
    front = front[(front[:, 2] > 2) & (front[:, 1] > 2)].astype(np.float64)
    _, nearest = cKDTree(front[:, :2]).query(np.stack([x, y], axis=-1), k=3)
    depth: DoubleArray = front[:, 2][nearest].max(axis=-1)
    return depth


def _widths(count: int, rng: np.random.Generator) -> DoubleArray:
    """Wide at the root, pointed at the tip: (L, N) in cm."""
    taper = 1 - np.linspace(0, 1, _STEPS) ** 3
    widths: DoubleArray = rng.uniform(0.25, 0.9, count)[:, None] * (0.12 + 0.88 * taper)
    return widths


def _hair(mesh: Mesh, hair: DoubleArray, rng: np.random.Generator) -> Accessory:
    points, triangles = joined([mesh])
    locks = len(points) // (2 * _STEPS)
    shade = np.repeat(np.clip(rng.normal(1, 0.3, locks), 0.4, 1.9), 2 * _STEPS)
    colours = np.clip(hair * 1.2 * shade[:, None], 0.003, 0.95).astype(np.float32)
    return Accessory(points=points, triangles=triangles, part=Part.HEAD, colours=colours)
