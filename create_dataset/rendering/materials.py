"""The material of each part of the head."""

from typing import NamedTuple

import numpy as np

from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import Part


class Material(NamedTuple):
    """How a part reflects light. Colours are linear; zeros stand for the person's own colour."""

    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gloss: float = 0.5
    shininess: int = 22
    """Blinn-Phong exponent, a whole number."""
    wrap: tuple[float, float, float] = (0.30, 0.16, 0.12)
    """How far light of each colour reaches beyond the terminator; red light scatters in skin."""
    cavity: tuple[float, float] = (1.0, 0.0)
    """(a, b): all light is multiplied by min(1, a + b x ambient occlusion)."""
    least_lit: float = 0.0
    """Minimum share of the key light: the shadows of lips on teeth would be too hard."""


_EYE = Material(gloss=1.0, shininess=420, wrap=(0.25, 0.2, 0.2), cavity=(0.25, 1.25))
_OF_PARTS = {
    Part.FACE: Material(),
    Part.HEAD: Material(gloss=0.35),
    Part.MOUTH: Material((0.24, 0.07, 0.06), cavity=(0.16, 1.8), least_lit=0.25),
    Part.EYE_SOCKET: Material((0.45, 0.20, 0.16)),
    Part.GUMS: Material(
        (0.42, 0.13, 0.13), gloss=1.0, shininess=60, cavity=(0.16, 1.8), least_lit=0.25
    ),
    Part.TEETH: Material(
        (0.74, 0.65, 0.50),
        gloss=0.14,
        shininess=40,
        wrap=(0.5, 0.48, 0.45),
        cavity=(0.42, 1.8),
        least_lit=0.5,
    ),
    Part.LEFT_EYE: _EYE,
    Part.RIGHT_EYE: _EYE,
    Part.LASHES: Material(gloss=0.0),
    Part.GLASSES: Material(gloss=1.0, shininess=60, wrap=(0.05, 0.05, 0.05)),
}
GLOSS, SHININESS, CAVITY, CAVITY_SLOPE, LEAST_LIT = range(5)
"""Columns of PROPERTIES."""
COLOURS: FloatArray = np.array([_OF_PARTS[part].colour for part in Part], np.float32)
WRAPS: FloatArray = np.array([_OF_PARTS[part].wrap for part in Part], np.float32)
WRAP_SCALES: FloatArray = (1 / (1 + WRAPS)).astype(np.float32)
PROPERTIES: FloatArray = np.array(
    [
        (each.gloss, each.shininess, *each.cavity, each.least_lit)
        for each in (_OF_PARTS[part] for part in Part)
    ],
    np.float32,
)
"""A row per part."""
