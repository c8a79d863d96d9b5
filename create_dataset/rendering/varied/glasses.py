"""Glasses, fitted to a head at rest: rims, bridge, temples and lenses."""

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, srgb_bytes
from create_dataset.rendering.face_model import EYES, FaceModel, Part
from create_dataset.rendering.head_mesh import Accessory, Lenses
from create_dataset.rendering.varied.ribbons import Mesh, bar, joined

_FRAMES = srgb_bytes(
    (18, 18, 20), (62, 38, 24), (120, 80, 44), (150, 150, 155), (190, 160, 100), (40, 50, 90),
    (120, 30, 36), (205, 190, 180),
)  # fmt: skip
_FRAME_RATES = (0.36, 0.16, 0.08, 0.14, 0.08, 0.07, 0.05, 0.06)
_CORNERS = 32
"""Points around a lens."""
_RIMLESS, _HALF = 0.12, 0.18
_TINTED, _SUNGLASSES = 0.1, 0.04
_NARROWEST_BRIDGE = 1.3
_HINGE = 3
"""The point on the outline where the temple begins: outside, above the middle."""


def glasses(
    model: FaceModel, rest: FloatArray, rng: np.random.Generator
) -> tuple[Accessory, Lenses]:
    """Glasses of a random style, on the head with these vertices (V, 3)."""
    marks = rest[model.landmarks].astype(np.float64)
    eyes = np.stack([marks[eye].mean(axis=0) for eye in EYES])
    wide, high = rng.uniform(2.25, 2.95), rng.uniform(1.55, 2.5)
    wide = min(wide, high * 1.9)
    aside = max(np.abs(eyes[:, 0]).mean() + 0.1, wide + _NARROWEST_BRIDGE / 2)
    centre = np.array([aside, eyes[:, 1].mean() - rng.uniform(0.1, 0.45), 0])
    depth = max(marks[27, 2] - 0.1, eyes[:, 2].max() + 1.15, marks[[19, 24], 2].max() + 0.1)
    outline = _outline(wide, high, rng) + centre
    outline[:, 2] = depth - 0.02 * outline[:, 0] ** 2
    style = rng.random()
    thick, deep = rng.uniform(0.05, 0.2), rng.uniform(0.07, 0.18)
    meshes: list[Mesh] = []
    for side in (-1, 1):
        curve = outline * (side, 1, 1)
        middle = centre * (side, 1, 0) + (0, 0, depth)
        if style >= _RIMLESS:
            kept = _CORNERS // 2 + 1 if style < _RIMLESS + _HALF else _CORNERS
            meshes.append(_rim(curve, middle, thick, deep, kept))
        meshes.append(_temple(curve[_HINGE], marks[0 if side < 0 else 16], side, thick, deep))
    meshes.append(_bridge(outline, thick, rng.uniform(0, 0.35)))
    points, triangles = joined(meshes)
    colour = _FRAMES[rng.choice(len(_FRAMES), p=_FRAME_RATES)] * rng.uniform(0.7, 1.2)
    colours = np.tile(colour, (len(points), 1)).astype(np.float32)
    frame = Accessory(points=points, triangles=triangles, part=Part.GLASSES, colours=colours)
    return frame, _panes(outline, centre[0], depth, rng)


def _outline(wide: float, high: float, rng: np.random.Generator) -> DoubleArray:
    """The outline (N, 3) of the right lens in the picture, around 0: from its outer side up."""
    angle = np.arange(_CORNERS) / _CORNERS * 2 * np.pi
    squareness = 2 / rng.uniform(2.0, 4.5)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** squareness
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** squareness
    taper = 1 + rng.uniform(0, 0.16) * y
    lift = rng.uniform(-0.05, 0.12) * x * (y > 0)
    return np.stack([wide * x * taper, high * (y + lift), np.zeros(_CORNERS)], axis=1)


def _rim(curve: DoubleArray, middle: DoubleArray, thick: float, deep: float, kept: int) -> Mesh:
    away = (curve - middle) * (1, 1, 0)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    inwards = _along(curve, (0, 0, deep))
    across = away * thick
    return bar(curve[:kept], across[:kept], inwards[:kept], closed=kept == _CORNERS)


def _temple(hinge: DoubleArray, ear: DoubleArray, side: int, thick: float, deep: float) -> Mesh:
    """From the rim along the side of the face to behind the ear."""
    corner = hinge[0] + 0.25 * side
    path = np.array(
        [
            hinge,
            (corner, hinge[1], hinge[2] - 0.1),
            (corner + 0.1 * side, hinge[1], hinge[2] - 0.5),
            (ear[0] + 0.2 * side, hinge[1] + 0.5 * (ear[1] - hinge[1]) + 0.2, ear[2]),
            (ear[0] + 0.4 * side, ear[1] + 0.4, ear[2] - 4.5),
        ]
    )
    up = _along(path, (0, max(0.07, 0.9 * thick), 0))
    out = np.array([(0, 0, deep), (0.7 * deep * side, 0, 0.7 * deep), *[(0.06 * side, 0, 0)] * 3])
    return bar(path, up, out)


def _bridge(outline: DoubleArray, thick: float, arch: float) -> Mesh:
    """Over the nose from one lens to the other, slightly above their middle."""
    end = outline[_CORNERS // 2 - 2]
    share = np.linspace(-1, 1, 9)
    bow = 1 - share**2
    path = np.stack([end[0] * share, end[1] + arch * bow, end[2] + 0.15 * bow], axis=1)
    up = _along(path, (0, max(0.07, 0.8 * thick), 0))
    return bar(path, up, _along(path, (0, 0, 0.1)))


def _along(path: DoubleArray, vector: tuple[float, float, float]) -> DoubleArray:
    """The same vector at each point of a path (N, 3)."""
    return np.tile(np.array(vector, np.float64), (len(path), 1))


def _panes(outline: DoubleArray, aside: float, depth: float, rng: np.random.Generator) -> Lenses:
    """Clear lenses with a reflection, or tinted ones, darker at the top."""
    middle = np.array([aside, outline[:, 1].mean(), depth - 0.02 * aside**2])
    one = np.concatenate([middle[None], middle + 0.98 * (outline - middle)])
    points = np.concatenate([one * (-1, 1, 1), one])
    rim = np.arange(_CORNERS)
    fan = np.stack([np.zeros(_CORNERS, int), 1 + rim, 1 + (rim + 1) % _CORNERS], axis=1)
    up = (points[:, 1] - middle[1]) / np.ptp(outline[:, 1])
    kind = rng.random()
    if kind < _SUNGLASSES:
        passing, colour = rng.uniform(0.04, 0.2), rng.normal(1, 0.1, 3)
    elif kind < _SUNGLASSES + _TINTED:
        passing, colour = rng.uniform(0.4, 0.8), rng.normal(1, 0.15, 3)
    else:
        passing, colour = rng.uniform(0.88, 0.97), rng.normal(1, 0.02, 3)
    fading = 1 + (1 - passing) * rng.uniform(0, 1) * (0.5 - up)
    clear = np.clip(passing * fading[:, None] * colour, 0.01, 0.98)
    slant = rng.normal(0, 0.25)
    strength = rng.exponential(0.035) + (rng.random() < 0.12) * rng.uniform(0.05, 0.35)
    glare = np.clip(0.5 + up + slant * (points[:, 0] - np.sign(points[:, 0]) * aside), 0, 1.2)
    shine = strength * glare[:, None] ** 2 * (0.95, 1.0, 1.05)
    return Lenses(
        points=points.astype(np.float32),
        triangles=np.concatenate([fan, fan + _CORNERS + 1]).astype(np.int32),
        shine=shine.astype(np.float32),
        clear=clear.astype(np.float32),
    )
