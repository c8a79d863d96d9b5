"""People who differ more than usual, and what they wear from one session to the next."""

from dataclasses import replace

import numpy as np

from create_dataset.rendering.curves import FloatArray, smoothstep, srgb_bytes
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.face import Face
from create_dataset.rendering.figure import Figure, figure
from create_dataset.rendering.person import Person
from create_dataset.rendering.traits import SKINS, Traits
from create_dataset.rendering.varied.glasses import glasses
from create_dataset.rendering.varied.locks import curtains, fringe

SESSION = 10
"""Pictures of a person in the same clothes, glasses and hair."""
_FARTHER = 1.2
"""Times as far from the mean face."""
_GLASSES, _FRINGE, _CURTAINS, _SCARF = 0.35, 0.3, 0.4, 0.12
"""The share of sessions with each."""
_HAIRS = srgb_bytes((200, 168, 112), (172, 128, 76), (140, 70, 38), (196, 192, 186), (96, 94, 94))
"""Blond, red, white and grey, which few have otherwise."""


def widened(traits: Traits, seed: int, person: int) -> Traits:
    """The person of that number, farther from the mean, with skin and age of all kinds alike."""
    draws = generator(seed, Drawn.VARIED_PERSON, person)
    tone, age = draws.uniform(), draws.uniform()
    places = np.linspace(0, 1, len(SKINS))
    skin = np.array([np.interp(tone, places, colour) for colour in SKINS.T])
    hair = traits.hair
    if draws.random() < (0.45 if tone < 0.5 else 0.1) + 0.3 * (age > 0.8):
        hair = _HAIRS[draws.choice(len(_HAIRS))] if tone < 0.5 else _HAIRS[-1]
    beard = traits.beard
    if traits.masculine and draws.random() < 0.5:
        beard = draws.uniform(0, 0.95)
    return replace(
        traits,
        shape=(traits.shape * _FARTHER).astype(np.float32),
        skin_tone=tone,
        skin=np.clip(
            skin * np.exp(draws.normal(-0.06, 0.06) + draws.normal(0, 0.04, 3)), 0.01, 0.75
        ),
        hair=hair * np.exp(draws.normal(0, 0.3)),
        beard=beard,
        age=age,
        resting_folds=(traits.resting_folds * (0.5 + age) / (0.5 + traits.age)).astype(np.float32),
    )


def dressed(face: Face, person: Person, seed: int, number: int, session: int) -> Figure:
    """The person of that number in a session."""
    draws = generator(seed, Drawn.OUTFIT, number, session)
    wears_glasses, has_fringe, has_long_hair, has_scarf = draws.random(4) < (
        _GLASSES,
        _FRINGE * (not person.traits.bald),
        _CURTAINS * (0.3 if person.traits.masculine else 1.8) * (not person.traits.bald),
        _SCARF,
    )
    rest, hair, panes, worn = person.points, person.traits.hair, None, []
    clothed = replace(person, head_colours=_in_clothes(face, person, has_scarf, draws))
    if has_long_hair:
        worn.append(curtains(face.model, rest, hair, draws))
    if has_fringe:
        worn.append(fringe(face.model, rest, hair, draws))
    if wears_glasses:
        frame, panes = glasses(face.model, rest, draws)
        worn.append(frame)
    return figure(face, clothed, tuple(worn), panes)


def _in_clothes(
    face: Face, person: Person, has_scarf: bool, draws: np.random.Generator
) -> FloatArray:
    """The colours of the head (V, 3) with a collar of another colour, cut and height."""
    x, y, z = face.model.vertices.astype(np.float64).T
    colour, stripe = draws.uniform(0.01, 0.85, (2, 3)) ** 1.5
    slope, height = draws.uniform(0, 0.6), draws.uniform(-14.5, -12)
    if has_scarf:
        slope, height = draws.uniform(0, 0.1), draws.uniform(-10.8, -9.3)
    collar = smoothstep(height + 0.3, height - 0.3, y + slope * np.abs(x) - 0.12 * z)
    collar = (collar * (y < -9))[:, None]
    pattern = 0.5 + 0.5 * np.sin(y * draws.uniform(1, 5) + x * draws.normal(0, 2))
    cloth = colour + (stripe - colour) * (pattern * (draws.random() < 0.4))[:, None]
    mixed = person.head_colours * (1 - collar) + collar * cloth
    cut: FloatArray = mixed.astype(np.float32)
    return cut
