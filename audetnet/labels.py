"""What AU labels mean: their scales, the mark of an unknown one, and when an AU is active."""

from typing import Literal

import numpy as np
import numpy.typing as npt

LabelKind = Literal["intensity", "occurrence"]
FloatArray = npt.NDArray[np.float32]

MAX_INTENSITY = 5
"""FACS intensities go from 0 (absent) over 1 (A) to 5 (E)."""
ACTIVE_INTENSITY = 2.0
"""An AU of an intensity table is active from this intensity on, as in the whole field, unless
dataset.json says otherwise.
"""
UNKNOWN_CODE = 9
"""BP4D's mark of an AU that was not coded."""


def active_from(kind: LabelKind, threshold: float) -> float:
    """The smallest label that counts as active: ``threshold`` of intensities, 1 of occurrences."""
    return threshold if kind == "intensity" else 1.0


def active(labels: FloatArray, smallest: float) -> FloatArray:
    """Labels as 1 (at least ``smallest``), 0 (below) and NaN (unknown); any shape."""
    return np.where(np.isnan(labels), np.nan, labels >= smallest).astype(np.float32)
