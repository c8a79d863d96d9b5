"""A person ready to be filmed: the head at rest and what it is painted with."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, linear_light, smoothstep
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.face import Face
from create_dataset.rendering.hair import grown
from create_dataset.rendering.mesh import blended
from create_dataset.rendering.skin import paint_skin
from create_dataset.rendering.traits import Traits


@dataclass(frozen=True, kw_only=True)
class Person:
    """``points`` (V, 3): the head at rest, in cm; ``skin`` (T, T, 7); ``head_colours`` (V, 3) of
    what the face's texture does not reach: scalp, neck and clothes.
    """

    traits: Traits
    points: FloatArray
    skin: FloatArray
    head_colours: FloatArray


def make_person(face: Face, traits: Traits, seed: int, person: int) -> Person:
    """Takes about half a second; ``person`` is the number that traits were drawn for."""
    model = face.model
    bare = blended(model.vertices, model.identities, traits.shape)
    points, hairy = grown(model, bare, traits)
    return Person(
        traits=traits,
        points=points,
        skin=paint_skin(face, traits, seed, person),
        head_colours=_head_colours(face, traits, hairy, seed, person),
    )


def _head_colours(
    face: Face, traits: Traits, hairy: DoubleArray, seed: int, person: int
) -> FloatArray:
    draws = generator(seed, Drawn.HAIR, person, frame=1)
    x, y, z = face.model.vertices.astype(np.float64).T
    grain = draws.standard_normal((2, len(x), 1))
    skin = traits.skin * (1 + 0.03 * grain[0])
    skin = skin * (1 - 0.12 * smoothstep(-7, -14, y)[:, None])
    hair = traits.hair * 1.2 * np.clip(1 + 0.3 * grain[1], 0.4, 1.8)
    colours = skin * (1 - hairy[:, None]) + hairy[:, None] * hair
    collar = smoothstep(-13.2, -14.0, y + 0.35 * np.abs(x) - 0.12 * z)[:, None]
    clothes = linear_light(draws.uniform(0.1, 0.8, 3))
    dressed: DoubleArray = colours * (1 - collar) + collar * clothes
    return np.clip(dressed, 0.003, 0.95).astype(np.float32)
