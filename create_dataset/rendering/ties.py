"""Ties: correlations between an AU and a factor.

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


def tie(active: Flags, factor: DoubleArray, strength: float, rng: np.random.Generator) -> Tied:
    """Permute the intensities of an AU among N frames so that gamma is as close to ``strength`` as
    possible. The set of intensities stays the same, and so does everything but this AU.

    Frames are ranked by a mixture of the factor's normal scores and noise; those that rank highest
    become active. The amount of noise is found by bisection. Raises CannotTieError.
    """
    if len(np.unique(factor)) < 2:
        raise CannotTieError("the factor is the same in all its frames")
    if active.all() or not active.any():
        raise CannotTieError(
            f"the AU is active in {'all' if active.any() else 'none'} of its frames"
        )
    scores = normal_scores(factor)
    noise = rng.standard_normal(len(factor))
    on = rng.permutation(np.flatnonzero(active))
    off = rng.permutation(np.flatnonzero(~active))
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
