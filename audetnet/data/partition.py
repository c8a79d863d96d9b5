"""Divides subjects into similar parts of given sizes.

Each AU should have its share of active frames in every part, and above all, some. Subjects start in
random parts and are swapped while that lowers the cost, with several restarts. The result is not
guaranteed to be the best, but close to it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Parts = npt.NDArray[np.int64]

_SWAPS_PER_SUBJECT = 50
"""Swaps tried per start, up to ``_MOST_SWAPS``."""
_MOST_SWAPS = 20_000
"""There are as many starts as fit into this number of swaps, at least two."""
_ABSENCE = 100.0
"""Cost of an AU without active frames in a part, in units of squared relative deviations."""


def divide(counts: Counts, sizes: Sequence[int], generator: np.random.Generator) -> Parts:
    """The part (0, 1, ...) of each of S subjects, int64 (S,); part k gets ``sizes[k]`` of them.

    ``counts`` (S, C): what should be spread evenly, such as active frames per AU and frames.
    """
    assert sum(sizes) == len(counts)
    shares = np.array(sizes)[:, None] / len(counts) * counts.sum(axis=0)
    best: tuple[float, Parts] | None = None
    tries = min(_SWAPS_PER_SUBJECT * len(counts), _MOST_SWAPS)
    for _ in range(max(2, _MOST_SWAPS // tries)):
        parts = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
        cost = _improve(parts, counts, shares, tries, generator)
        if best is None or cost < best[0]:
            best = cost, parts
    assert best is not None
    return best[1]


def _improve(
    parts: Parts, counts: Counts, shares: Counts, tries: int, generator: np.random.Generator
) -> float:
    """Swap random pairs of subjects between parts, in place, if it lowers the cost; returns it."""
    sums = np.array([counts[parts == part].sum(axis=0) for part in range(len(shares))])
    costs = _costs(sums, shares)
    for one, other in generator.integers(len(parts), size=(tries, 2)):
        here, there = parts[one], parts[other]
        if here == there:
            continue
        difference = counts[other] - counts[one]
        rows = np.array([here, there])
        changed = sums[rows] + np.array([difference, -difference])
        new = _costs(changed, shares[rows])
        if new.sum() < costs[rows].sum() - 1e-12:
            sums[rows], costs[rows] = changed, new
            parts[one], parts[other] = there, here
    return float(costs.sum())


def _costs(sums: Counts, shares: Counts) -> Counts:
    """The cost of each part (K,): squared relative deviations plus ``_ABSENCE`` per absent AU."""
    present = shares > 0
    deviations = np.divide(sums - shares, shares, out=np.zeros_like(sums), where=present)
    absent = present & (sums == 0)
    costs: Counts = (deviations**2).sum(axis=1) + _ABSENCE * absent.sum(axis=1)
    return costs
