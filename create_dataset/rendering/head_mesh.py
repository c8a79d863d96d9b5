"""The mesh to render: a head and what it wears."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face import Face
from create_dataset.rendering.face_model import ByteArray, IntArray, Part
from create_dataset.rendering.person import Person


@dataclass(frozen=True, kw_only=True)
class Accessory:
    """Something rigid that turns with the head: ``points`` (W, 3) in cm, ``triangles`` (F, 3),
    anticlockwise as seen from outside, all of one part, ``colours`` (W, 3).
    """

    points: FloatArray
    triangles: IntArray
    part: Part
    colours: FloatArray


@dataclass(frozen=True, kw_only=True)
class Lenses:
    """The lenses of glasses: ``points`` (P, 3), ``triangles`` (F, 3); ``shine`` (P, 3) is the
    reflected light, ``clear`` (P, 3) the share of light that passes.
    """

    points: FloatArray
    triangles: IntArray
    shine: FloatArray
    clear: FloatArray


@dataclass(frozen=True, kw_only=True)
class HeadMesh:
    """V vertices of the head, then W of what is worn. ``solid``: the triangles that cast shadows;
    ``worn`` (W, 3): vertices in cm. The rest is as in FaceModel and Person.
    """

    triangles: IntArray
    parts: ByteArray
    solid: IntArray
    uv: FloatArray
    occlusion: FloatArray
    eye_positions: FloatArray
    colours: FloatArray
    worn: FloatArray
    lenses: Lenses | None

    def with_worn(self, head: FloatArray) -> FloatArray:
        """The vertices (V + W, 3) of a head (V, 3) and what it wears."""
        return np.concatenate([head, self.worn]) if len(self.worn) else head


_OPEN = 0.85
"""Ambient occlusion of what is worn."""


def head_mesh(
    face: Face, person: Person, worn: tuple[Accessory, ...] = (), lenses: Lenses | None = None
) -> HeadMesh:
    """The mesh of a person who wears these things."""
    model = face.model
    count, start = sum(len(each.points) for each in worn), len(model.vertices)
    triangles, parts, points, colours = [], [], [], []
    for each in worn:
        triangles.append(each.triangles + np.int32(start))
        parts.append(np.full(len(each.triangles), each.part, np.uint8))
        points.append(each.points)
        colours.append(each.colours)
        start += len(each.points)
    return HeadMesh(
        triangles=np.concatenate([model.triangles, *triangles]),
        parts=np.concatenate([model.parts, *parts]),
        solid=np.concatenate([model.solid, *triangles]),
        uv=_longer(model.uv, count),
        occlusion=_longer(face.occlusion, count, _OPEN),
        eye_positions=_longer(model.eye_positions, count),
        colours=np.concatenate([person.head_colours, *colours]),
        worn=np.concatenate([np.zeros((0, 3), np.float32), *points]),
        lenses=lenses,
    )


def _longer(values: FloatArray, count: int, value: float = 0.0) -> FloatArray:
    more = np.full((count, *values.shape[1:]), value, np.float32)
    return np.concatenate([values, more])
