"""Ties: correlations between an AU and a factor.

The strength of a tie is Goodman and Kruskal's gamma (1954) between "the AU is active" and the
factor: over all pairs of an active and an inactive frame with different factors, the share in which
the active frame has more of the factor, minus the share in which it has less. A threshold on the
factor alone thus detects the AU with an area under the ROC curve of (1 + gamma) / 2. Unlike
Pearson's correlation, gamma can reach -1 and 1 whatever the AU's rate; for a factor with two values
it is Yule's Q.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.face_model import Flags

_STEPS = 40


class CannotTieError(Exception):
    """The text is the reason why there is no tie."""


@dataclass(frozen=True)
class Tied:
    """The frames in a new order: frame i gets the intensity of frame ``order[i]``."""

    order: npt.NDArray[np.int64]
    achieved: float


def gamma(active: Flags, factor: DoubleArray) -> float:
    """Goodman and Kruskal's gamma over N frames. NaN if no pair differs in both."""
    _, ranks = np.unique(factor, return_inverse=True)
    on = np.bincount(ranks[active], minlength=ranks.max() + 1).astype(np.float64)
    off = np.bincount(ranks[~active], minlength=ranks.max() + 1).astype(np.float64)
    above = (on * (np.cumsum(off) - off)).sum()
    below = (off * (np.cumsum(on) - on)).sum()
    return float((above - below) / (above + below)) if above + below else float("nan")


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
    scores = _normal_scores(factor)
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


def _normal_scores(factor: DoubleArray) -> DoubleArray:
    """Normal quantiles by rank; equal values get equal scores."""
    from scipy.stats import norm, rankdata

    scores: DoubleArray = norm.ppf(rankdata(factor) / (len(factor) + 1))
    return scores
