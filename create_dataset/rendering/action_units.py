"""The action units that can be rendered, and how strongly each shows at a given intensity."""

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.wrinkle_maps import Fold

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""The AUs that are always labelled, those of DISFA, in the order of all arrays of 12."""
NAMES = tuple(f"AU{au}" for au in AUS)
MORE_AUS = (7, 10, 14, 18, 22, 23, 24, 28, 34, 43)
"""Labelled with ``--aus all`` only; arrays of AUs then have them after the 12."""
ALL_AUS = (*AUS, *MORE_AUS)
ALL_NAMES = tuple(f"AU{au}" for au in ALL_AUS)
PLACE = {au: place for place, au in enumerate(ALL_AUS)}
HIDDEN = (7, 10, 14, 18, 24, 45)
"""If only the 12 are labelled, these come and go unlabelled, as in real faces (45: a blink)."""

_INTENSITIES = (0, 1, 2, 3, 4, 5)
_STRENGTHS = (0, 0.14, 0.30, 0.53, 0.79, 1.0)
"""The FACS levels trace, slight, marked, severe and maximum cover unequal ranges."""


def strength(intensity: DoubleArray) -> DoubleArray:
    """The strength (0 to 1) of an intensity (0 to 5)."""
    return np.interp(intensity, _INTENSITIES, _STRENGTHS)


def strengths_by_au(intensities: DoubleArray) -> dict[int, float]:
    """The strength of each AU, from the intensities of the 12 or of all (A,)."""
    aus = ALL_AUS[: len(intensities)]
    return dict(zip(aus, strength(intensities).tolist(), strict=True))


def labels_of(intensities: DoubleArray) -> FloatArray:
    """The labels: intensities rounded to whole numbers."""
    return np.clip(np.round(intensities), 0, 5).astype(np.float32)


def fold_strengths(intensities: DoubleArray) -> DoubleArray:
    """How deep each fold (8,) is, about 0 to 1, for the AU intensities of a frame (A,)."""
    au = strengths_by_au(intensities)
    sneer = au.get(10, 0.0)
    found = {
        Fold.FOREHEAD_MIDDLE: au[1],
        Fold.FOREHEAD_SIDES: au[2],
        Fold.GLABELLA: max(au[4], 0.55 * au[9]),
        Fold.EYE_CORNERS: min(1.2, au[6] + 0.25 * au[12] + 0.3 * au[9]),
        Fold.NOSE: au[9],
        Fold.NASOLABIAL: min(
            1.2, 0.65 * au[12] + 0.75 * au[9] + 0.35 * au[6] + 0.3 * au[20] + 0.6 * sneer
        ),
        Fold.CHIN: au[17],
        Fold.MOUTH_CORNERS: max(au[15], 0.25 * au[20]),
    }
    return np.array([found[fold] for fold in Fold])
