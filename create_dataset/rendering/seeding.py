"""Random generators by purpose: every draw depends on (seed, person, frame, purpose) only, so that
neither the number of processes nor what was rendered before changes a picture.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What is drawn. Every picture depends on these numbers: never renumber them."""

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


def make_rng(seed: int, drawn: Purpose, person: int = 0, frame: int = 0) -> np.random.Generator:
    """A generator for one purpose. People count from 1; 0 is for what concerns all of them."""
    return np.random.default_rng([seed, person, frame, drawn])
