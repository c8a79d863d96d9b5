"""The surface that is rendered: a head, and what it wears, in one mesh."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face import Face
from create_dataset.rendering.face_model import ByteArray, IntArray, Part
from create_dataset.rendering.person import Person


@dataclass(frozen=True, kw_only=True)
class Worn:
    """Something rigid that turns with the head: ``points`` (W, 3) in cm, ``triangles`` (F, 3) of
    them, seen from where they run anticlockwise, all of one part, ``colours`` (W, 3).
    """

    points: FloatArray
    triangles: IntArray
    part: Part
    colours: FloatArray


@dataclass(frozen=True, kw_only=True)
class Panes:
    """Lenses: ``points`` (P, 3), ``triangles`` (F, 3); ``shine`` (P, 3) is reflected and ``clear``
    (P, 3) the share of light that passes.
    """

    points: FloatArray
    triangles: IntArray
    shine: FloatArray
    clear: FloatArray


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Of V vertices of the head and W of what is worn, in this order. ``solid`` are the triangles
    that hide light. ``worn`` (W, 3) in cm. Others as in FaceModel and Person.
    """

    triangles: IntArray
    parts: ByteArray
    solid: IntArray
    uv: FloatArray
    occlusion: FloatArray
    eye_positions: FloatArray
    colours: FloatArray
    worn: FloatArray
    panes: Panes | None

    def with_worn(self, head: FloatArray) -> FloatArray:
        """Vertices (V + W, 3) of a head (V, 3) and what it wears."""
        return np.concatenate([head, self.worn]) if len(self.worn) else head


_OPEN = 0.85
"""The ambient light on what is worn."""


def figure(
    face: Face, person: Person, worn: tuple[Worn, ...] = (), panes: Panes | None = None
) -> Figure:
    """A person who wears these things."""
    model = face.model
    count, start = sum(len(each.points) for each in worn), len(model.vertices)
    triangles, parts, points, colours = [], [], [], []
    for each in worn:
        triangles.append(each.triangles + np.int32(start))
        parts.append(np.full(len(each.triangles), each.part, np.uint8))
        points.append(each.points)
        colours.append(each.colours)
        start += len(each.points)
    return Figure(
        triangles=np.concatenate([model.triangles, *triangles]),
        parts=np.concatenate([model.parts, *parts]),
        solid=np.concatenate([model.solid, *triangles]),
        uv=_longer(model.uv, count),
        occlusion=_longer(face.occlusion, count, _OPEN),
        eye_positions=_longer(model.eye_positions, count),
        colours=np.concatenate([person.head_colours, *colours]),
        worn=np.concatenate([np.zeros((0, 3), np.float32), *points]),
        panes=panes,
    )


def _longer(values: FloatArray, count: int, value: float = 0.0) -> FloatArray:
    more = np.full((count, *values.shape[1:]), value, np.float32)
    return np.concatenate([values, more])
