"""Randomness by name: every draw comes from (seed, person, frame, what is drawn).

So neither the number of processes nor what was rendered before changes a picture.
"""

from enum import IntEnum

import numpy as np


class Drawn(IntEnum):
    """What is drawn. The numbers decide every picture: never renumber them."""

    TRAITS = 0
    SCENE = 1
    SKIN = 2
    HAIR = 3
    BACKGROUND = 4
    TRACKS = 5
    LIGHTS = 6
    PIXEL_NOISE = 7
    SCHEDULE = 8
    TIE = 9
    GROUPS = 10
    MODEL = 11
    CONDITIONS = 12
    VARIED_PERSON = 13
    OUTFIT = 14


def generator(seed: int, drawn: Drawn, person: int = 0, frame: int = 0) -> np.random.Generator:
    """For one purpose; people count from 1, what concerns all of them is 0's."""
    return np.random.default_rng([seed, person, frame, drawn])
