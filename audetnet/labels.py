"""What AU labels mean: scales, the code for unknown, and when an AU is active."""

from typing import Literal

import numpy as np
import numpy.typing as npt

LabelKind = Literal["intensity", "occurrence"]
FloatArray = npt.NDArray[np.float32]

MAX_INTENSITY = 5
"""FACS intensities range from 0 (absent) and 1 (A) to 5 (E)."""
ACTIVE_INTENSITY = 2.0
"""Intensity from which an AU counts as active, the field's convention; dataset.json may override
it.
"""
UNKNOWN_CODE = 9
"""BP4D's code for an AU that was not coded."""


def active_from(kind: LabelKind, threshold: float) -> float:
    """The smallest active label: ``threshold`` for intensities, 1 for occurrences."""
    return threshold if kind == "intensity" else 1.0


def active(labels: FloatArray, smallest: float) -> FloatArray:
    """1 where a label is at least ``smallest``, 0 below, NaN where unknown; any shape."""
    return np.where(np.isnan(labels), np.nan, labels >= smallest).astype(np.float32)
