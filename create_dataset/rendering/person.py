"""A person ready to render: the head at rest and its colours."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, linear_light, smoothstep
from create_dataset.rendering.face import Face
from create_dataset.rendering.hair import with_hair_volume
from create_dataset.rendering.mesh import blend_shapes
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.skin import paint_skin
from create_dataset.rendering.traits import Traits


@dataclass(frozen=True, kw_only=True)
class Person:
    """``points`` (V, 3): the head at rest, in cm; ``skin`` (T, T, 7); ``head_colours`` (V, 3) for
    the parts outside the face texture: scalp, neck and clothes.
    """

    traits: Traits
    points: FloatArray
    skin: FloatArray
    head_colours: FloatArray


def make_person(face: Face, traits: Traits, seed: int, person: int) -> Person:
    """Takes about half a second; ``person`` is the number that the traits were drawn for."""
    model = face.model
    bare = blend_shapes(model.vertices, model.identities, traits.shape)
    points, hairy = with_hair_volume(model, bare, traits)
    return Person(
        traits=traits,
        points=points,
        skin=paint_skin(face, traits, seed, person),
        head_colours=_head_colours(face, traits, hairy, seed, person),
    )


def _head_colours(
    face: Face, traits: Traits, hairy: DoubleArray, seed: int, person: int
) -> FloatArray:
    rng = make_rng(seed, Purpose.HAIR, person, frame=1)
    x, y, z = face.model.vertices.astype(np.float64).T
    grain = rng.standard_normal((2, len(x), 1))
    skin = traits.skin * (1 + 0.03 * grain[0])
    skin = skin * (1 - 0.12 * smoothstep(-7, -14, y)[:, None])
    hair = traits.hair * 1.2 * np.clip(1 + 0.3 * grain[1], 0.4, 1.8)
    colours = skin * (1 - hairy[:, None]) + hairy[:, None] * hair
    collar = smoothstep(-13.2, -14.0, y + 0.35 * np.abs(x) - 0.12 * z)[:, None]
    clothes = linear_light(rng.uniform(0.1, 0.8, 3))
    dressed: DoubleArray = colours * (1 - collar) + collar * clothes
    return np.clip(dressed, 0.003, 0.95).astype(np.float32)
