"""The action units that are rendered, and how strongly each shows at an intensity."""

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.wrinkle_maps import Fold

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""Labelled, in the order of all arrays of 12; DISFA's."""
NAMES = tuple(f"AU{au}" for au in AUS)
PLACE = {au: place for place, au in enumerate(AUS)}
HIDDEN = (7, 10, 14, 18, 24, 45)
"""Not labelled: they come and go as other movements of a face do (45: a blink)."""

_INTENSITIES = (0, 1, 2, 3, 4, 5)
_STRENGTHS = (0, 0.14, 0.30, 0.53, 0.79, 1.0)
"""FACS' trace, slight, marked, severe and maximum cover unequal ranges."""


def strength(intensity: DoubleArray) -> DoubleArray:
    """The strength from 0 to 1 of an intensity from 0 to 5."""
    return np.interp(intensity, _INTENSITIES, _STRENGTHS)


def labels_of(intensities: DoubleArray) -> FloatArray:
    """What is written as the label: whole intensities."""
    return np.clip(np.round(intensities), 0, 5).astype(np.float32)


def fold_strengths(intensities: DoubleArray) -> DoubleArray:
    """How deep the AUs of a frame (12,) make each fold (8,), about 0 to 1."""
    au = dict(zip(AUS, strength(intensities).tolist(), strict=True))
    found = {
        Fold.FOREHEAD_MIDDLE: au[1],
        Fold.FOREHEAD_SIDES: au[2],
        Fold.GLABELLA: max(au[4], 0.55 * au[9]),
        Fold.EYE_CORNERS: min(1.2, au[6] + 0.25 * au[12] + 0.3 * au[9]),
        Fold.NOSE: au[9],
        Fold.NASOLABIAL: min(1.2, 0.65 * au[12] + 0.75 * au[9] + 0.35 * au[6] + 0.3 * au[20]),
        Fold.CHIN: au[17],
        Fold.MOUTH_CORNERS: max(au[15], 0.25 * au[20]),
    }
    return np.array([found[fold] for fold in Fold])
