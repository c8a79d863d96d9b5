"""Correlations asked for: an AU is active more often where a factor is high.

The strength of a tie is Goodman and Kruskal's gamma, see audetnet/data/ties.py.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audetnet.data.ties import CannotTieError, gamma, normal_scores
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.face_model import Flags

_STEPS = 40


@dataclass(frozen=True)
class Tied:
    """The frames in a new order: frame i gets the intensity of frame ``order[i]``."""

    order: npt.NDArray[np.int64]
    achieved: float


def tie(active: Flags, factor: DoubleArray, strength: float, draws: np.random.Generator) -> Tied:
    """Exchange the intensities of an AU among N frames until gamma is as near to ``strength`` as
    it gets. Which intensities there are stays as it was, and so does everything but this AU.

    Frames are ranked by a mixture of the factor's normal scores and noise; those that rank highest
    become active. How much noise there is, is found by bisection. Raises CannotTieError.
    """
    if len(np.unique(factor)) < 2:
        raise CannotTieError("the factor is the same in all its frames")
    if active.all() or not active.any():
        raise CannotTieError(
            f"the AU is active in {'all' if active.any() else 'none'} of its frames"
        )
    scores = normal_scores(factor)
    noise = draws.standard_normal(len(factor))
    on = draws.permutation(np.flatnonzero(active))
    off = draws.permutation(np.flatnonzero(~active))
    low, high = -1.0, 1.0
    best: Tied | None = None
    for _ in range(_STEPS):
        share = (low + high) / 2
        ranked = np.argsort(share * scores + np.sqrt(1 - share**2) * noise, kind="stable")
        order = np.empty(len(factor), np.int64)
        order[ranked[len(off) :]] = on
        order[ranked[: len(off)]] = off
        achieved = gamma(active[order], factor)
        if best is None or abs(achieved - strength) < abs(best.achieved - strength):
            best = Tied(order, achieved)
        low, high = (share, high) if achieved < strength else (low, share)
    assert best is not None
    return best
