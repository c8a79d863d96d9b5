"""Ambient occlusion: how much of the sky each vertex sees."""

import numpy as np

from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import FaceModel, Part
from create_dataset.rendering.mesh import blend_shapes, normals, transformed
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.shadow import shadow_map

_DIRECTIONS, _SIZE = 96, 320
_BIAS = 0.12
"""Centimetres."""


def ambient_occlusion(model: FaceModel) -> FloatArray:
    """From 0 (sees nothing) to 1, for each vertex of the mean face (V,); parts inside the mouth are
    seen with the mouth open.
    """
    closed = _seen(model, model.vertices)
    weights = np.zeros(len(model.names), np.float32)
    for name, weight in (("jawOpen", 0.45), ("mouthLowerDown_L", 0.5), ("mouthLowerDown_R", 0.5)):
        weights[model.index[name]] = weight
    opened = _seen(model, blend_shapes(model.vertices, model.expressions, weights))
    within = model.is_in(Part.MOUTH, Part.GUMS, Part.TEETH)
    # elsewhere a mixture of both, so that the line where the lips meet stays dark
    return np.where(within, opened, 0.7 * closed + 0.3 * opened).astype(np.float32)


def _seen(model: FaceModel, points: FloatArray) -> FloatArray:
    directed = normals(points, model.triangles)
    outside = points + np.float32(_BIAS) * directed
    rng = make_rng(0, Purpose.MODEL)
    seen, possible = np.zeros(len(points)), np.zeros(len(points))
    for _ in range(_DIRECTIONS):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        shadow = shadow_map(points, model.solid, direction, _SIZE, both_sides=True)
        places = transformed(outside, shadow.matrix, shadow.offset)
        column, row = np.clip(places[:, :2].astype(np.int64), 0, _SIZE - 1).T
        facing = np.clip(np.einsum("vi,i->v", directed, direction), 0, None)
        seen += facing * (places[:, 2] + _BIAS >= shadow.depth[row, column])
        possible += facing
    return (seen / np.maximum(possible, 1e-6)).astype(np.float32)
