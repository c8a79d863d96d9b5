"""The camera: turns a head and projects its points into the picture."""

import math
from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import OUTER_LIPS, FaceModel
from create_dataset.rendering.mesh import transformed

_PIVOT = np.array([0, -1.0, 1.0])
"""The point about which the head turns, in cm."""
_WIDTH = 2.08
"""Width of the picture, in distances between the outer corners of the eyes."""
_CENTRE = np.array([0.5, 0.52])
"""Position of the point between eyes and mouth, in sides of the picture from its top left."""
_BOTH_EYES = slice(36, 48)
_FACE = [30, 33, 36, 45, 48, 54]
"""Landmarks whose mean depth is taken as that of the face."""


@dataclass(frozen=True, kw_only=True)
class PosedHead:
    """``points`` (V, 3): turned by ``rotation`` (3, 3) and moved by ``offset`` (3,), in cm;
    ``in_picture`` (V, 3): column, row, and z in cm. ``view``: distance and depth of the face in cm,
    pixels per cm; ``corner`` (2,): where the z axis meets the picture.
    """

    points: FloatArray
    in_picture: FloatArray
    rotation: FloatArray
    offset: FloatArray
    view: tuple[float, float, float]
    corner: DoubleArray

    def project(self, points: FloatArray) -> FloatArray:
        """Project other points (P, 3) that turn with the head."""
        turned = transformed(points, self.rotation, self.offset)
        return _in_picture(turned, *self.view, self.corner)


def rotation(yaw: float, pitch: float, roll: float) -> DoubleArray:
    """The matrix (3, 3) that turns a face right, up and anticlockwise in the picture; degrees."""
    y, p, r = math.radians(yaw), -math.radians(pitch), math.radians(roll)
    about_y = [[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]]
    about_x = [[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]]
    about_z = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    turn: DoubleArray = np.einsum(
        "ij,jk,kl->il", np.array(about_z), np.array(about_x), np.array(about_y)
    )
    return turn


def pose_head(
    model: FaceModel,
    rest: FloatArray,
    points: FloatArray,
    pose: DoubleArray,
    crop: DoubleArray,
    distance: float,
    size: int,
) -> PosedHead:
    """Turn a head (V, 3) and project it into a square picture of ``size`` pixels.

    The crop is computed from the landmarks of the head at ``rest`` in the same pose, so that it
    reveals nothing about the expression. ``pose``: yaw, pitch, roll; ``crop``: shift right and down
    in sides of the picture, and width relative to the usual one.
    """
    turn = rotation(*pose.tolist())
    offset = (_PIVOT - np.einsum("ij,j->i", turn, _PIVOT)).astype(np.float32)
    matrix = turn.astype(np.float32)
    turned = transformed(points, matrix, offset)
    marks = transformed(rest[model.landmarks], matrix, offset).astype(np.float64)
    depth = marks[_FACE, 2].mean()
    seen = marks[:, :2] * (distance / (distance - marks[:, 2:] + depth))
    centre = (seen[_BOTH_EYES].mean(axis=0) + seen[OUTER_LIPS].mean(axis=0)) / 2
    across = rest[model.landmarks[[36, 45]], :2].astype(np.float64)
    scale = size / (_WIDTH * math.hypot(*(across[1] - across[0])) * crop[2])
    corner = size * (_CENTRE + crop[:2]) + scale * centre * (-1, 1)
    view = distance, depth, scale
    in_picture = _in_picture(turned, *view, corner)
    return PosedHead(
        points=turned,
        in_picture=in_picture,
        rotation=matrix,
        offset=offset,
        view=view,
        corner=corner,
    )


@compiled
def _in_picture(
    points: FloatArray, distance: float, depth: float, scale: float, corner: DoubleArray
) -> FloatArray:
    """Perspective projection from ``distance`` in front of ``depth``; the z axis meets the picture
    at ``corner``.
    """
    result = np.empty_like(points)
    for v in range(points.shape[0]):
        nearer = scale * distance / (distance - points[v, 2] + depth)
        result[v, 0] = corner[0] + points[v, 0] * nearer
        result[v, 1] = corner[1] - points[v, 1] * nearer
        result[v, 2] = points[v, 2]
    return result
