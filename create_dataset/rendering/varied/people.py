"""People who differ more than usual, and what they wear in each session."""

from dataclasses import replace

import numpy as np

from create_dataset.rendering.curves import FloatArray, smoothstep, srgb_bytes
from create_dataset.rendering.face import Face
from create_dataset.rendering.head_mesh import HeadMesh, head_mesh
from create_dataset.rendering.person import Person
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.traits import SKINS, Traits
from create_dataset.rendering.varied.glasses import glasses
from create_dataset.rendering.varied.locks import curtains, fringe

SESSION = 10
"""Number of pictures of a person in the same clothes, glasses and hair."""
_FARTHER = 1.2
"""How much farther from the mean face."""
_GLASSES, _FRINGE, _CURTAINS, _SCARF = 0.35, 0.3, 0.4, 0.12
"""The share of sessions with each."""
_HAIRS = srgb_bytes((200, 168, 112), (172, 128, 76), (140, 70, 38), (196, 192, 186), (96, 94, 94))
"""Blond, red, white and grey, which are rare otherwise."""


def exaggerate(traits: Traits, seed: int, person: int) -> Traits:
    """The same person farther from the mean, with skin tone and age drawn uniformly."""
    rng = make_rng(seed, Purpose.VARIED_PERSON, person)
    tone, age = rng.uniform(), rng.uniform()
    places = np.linspace(0, 1, len(SKINS))
    skin = np.array([np.interp(tone, places, colour) for colour in SKINS.T])
    hair = traits.hair
    if rng.random() < (0.45 if tone < 0.5 else 0.1) + 0.3 * (age > 0.8):
        hair = _HAIRS[rng.choice(len(_HAIRS))] if tone < 0.5 else _HAIRS[-1]
    beard = traits.beard
    if traits.masculine and rng.random() < 0.5:
        beard = rng.uniform(0, 0.95)
    return replace(
        traits,
        shape=(traits.shape * _FARTHER).astype(np.float32),
        skin_tone=tone,
        skin=np.clip(skin * np.exp(rng.normal(-0.06, 0.06) + rng.normal(0, 0.04, 3)), 0.01, 0.75),
        hair=hair * np.exp(rng.normal(0, 0.3)),
        beard=beard,
        age=age,
        resting_folds=(traits.resting_folds * (0.5 + age) / (0.5 + traits.age)).astype(np.float32),
    )


def dress(face: Face, person: Person, seed: int, number: int, session: int) -> HeadMesh:
    """The person with this number, as dressed in a session."""
    rng = make_rng(seed, Purpose.OUTFIT, number, session)
    wears_glasses, has_fringe, has_long_hair, has_scarf = rng.random(4) < (
        _GLASSES,
        _FRINGE * (not person.traits.bald),
        _CURTAINS * (0.3 if person.traits.masculine else 1.8) * (not person.traits.bald),
        _SCARF,
    )
    rest, hair, lenses, worn = person.points, person.traits.hair, None, []
    clothed = replace(person, head_colours=_in_clothes(face, person, has_scarf, rng))
    if has_long_hair:
        worn.append(curtains(face.model, rest, hair, rng))
    if has_fringe:
        worn.append(fringe(face.model, rest, hair, rng))
    if wears_glasses:
        frame, lenses = glasses(face.model, rest, rng)
        worn.append(frame)
    return head_mesh(face, clothed, tuple(worn), lenses)


def _in_clothes(
    face: Face, person: Person, has_scarf: bool, rng: np.random.Generator
) -> FloatArray:
    """The colours of the head (V, 3), with clothes of another colour, cut and height."""
    x, y, z = face.model.vertices.astype(np.float64).T
    colour, stripe = rng.uniform(0.01, 0.85, (2, 3)) ** 1.5
    slope, height = rng.uniform(0, 0.6), rng.uniform(-14.5, -12)
    if has_scarf:
        slope, height = rng.uniform(0, 0.1), rng.uniform(-10.8, -9.3)
    collar = smoothstep(height + 0.3, height - 0.3, y + slope * np.abs(x) - 0.12 * z)
    collar = (collar * (y < -9))[:, None]
    pattern = 0.5 + 0.5 * np.sin(y * rng.uniform(1, 5) + x * rng.normal(0, 2))
    cloth = colour + (stripe - colour) * (pattern * (rng.random() < 0.4))[:, None]
    mixed = person.head_colours * (1 - collar) + collar * cloth
    cut: FloatArray = mixed.astype(np.float32)
    return cut
