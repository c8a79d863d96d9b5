"""Frames chosen so that an AU goes with a factor. numpy and scipy only.

The strength of a tie is Goodman and Kruskal's gamma (1954) between "the AU is active" and the
factor: take every pair of an active and an inactive frame in which the factor differs; gamma is the
share of pairs in which it is the active frame that has more of the factor, minus the share in which
it is the inactive one. A threshold on the factor alone thus finds the AU with an area under the ROC
curve of (1 + gamma) / 2. Unlike Pearson's correlation it can reach -1 and 1 whatever the AU's rate,
and for a factor of two values it is Yule's Q.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
SHARES = (1 / 2, 1 / 3, 1 / 4, 1 / 6)
"""Of the active and of the inactive frames: how many are chosen. With half of each any tie can be
had, if the AU and the factor do not go together by themselves; with fewer, also if they do.
"""
_STEEPNESS = np.sinh(np.linspace(-5, 5, 601))
"""What is tried: close together where little is tied, far apart where all is."""


class CannotTieError(Exception):
    """Why there is no tie; its text is the reason."""


@dataclass(frozen=True)
class TiedFrames:
    """The rows that are chosen, in their order, and the gamma that they have."""

    rows: Indices
    achieved: float


def gamma(active: Flags, factor: Array) -> float:
    """Goodman and Kruskal's gamma of N frames. NaN where no pair differs in both."""
    _, ranks = np.unique(factor, return_inverse=True)
    on = np.bincount(ranks[active], minlength=ranks.max() + 1).astype(np.float64)
    off = np.bincount(ranks[~active], minlength=ranks.max() + 1).astype(np.float64)
    above = (on * (np.cumsum(off) - off)).sum()
    below = (off * (np.cumsum(on) - on)).sum()
    return float((above - below) / (above + below)) if above + below else float("nan")


def tied_frames(
    shown: npt.NDArray[np.float32],
    factor: Array,
    strength: float,
    generator: np.random.Generator,
    share: float = SHARES[0],
) -> TiedFrames:
    """Choose a share of the active and of the inactive ones of N frames, so that gamma is as near
    to ``strength`` as it gets. How many of each are chosen does not depend on the strength.

    ``shown`` (N,): 1 active, 0 inactive, NaN unknown; ``factor`` (N,), NaN = unknown. Frames are
    drawn without replacement with weights exp(k s) for active and exp(-k s) for inactive ones,
    where s are the factor's normal scores (Gumbel noise, Yellott 1977); of many k, all with the
    same noise, the best is taken. Raises CannotTieError.
    """
    known = np.flatnonzero(~np.isnan(shown) & ~np.isnan(factor))
    active, values = shown[known] == 1, factor[known]
    if active.all() or not active.any():
        how_many = "all" if active.any() else "none"
        raise CannotTieError(f"the AU is active in {how_many} of its frames")
    if len(np.unique(values)) < 2:
        raise CannotTieError("the factor is the same in all its frames")
    scores = np.where(active, 1, -1) * normal_scores(values)
    noise = generator.gumbel(size=len(known))
    parts = [np.flatnonzero(active), np.flatnonzero(~active)]
    best = TiedFrames(known, float("inf"))
    for steepness in _STEEPNESS:
        keys = steepness * scores + noise
        chosen = np.sort(np.concatenate([_highest(keys, part, share) for part in parts]))
        achieved = gamma(active[chosen], values[chosen])
        if abs(achieved - strength) < abs(best.achieved - strength):
            best = TiedFrames(known[chosen], achieved)
    return best


def normal_scores(factor: Array) -> Array:
    """Quantiles of the normal distribution by rank; equal values get equal ones."""
    from scipy.stats import norm, rankdata

    scores: Array = norm.ppf(rankdata(factor) / (len(factor) + 1))
    return scores


def _highest(keys: Array, part: Indices, share: float) -> Indices:
    count = max(1, round(share * len(part)))
    return part[np.argsort(-keys[part], kind="stable")[:count]]
