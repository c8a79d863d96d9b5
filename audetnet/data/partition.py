"""Dividing subjects into parts of given sizes that resemble each other.

A part resembles the whole if every AU has its share of active frames there, and above all if it has
any. Subjects start in random parts and are exchanged as long as that helps, from several starts;
exhaustive for no realistic number of subjects, close to the best for all.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Parts = npt.NDArray[np.int64]

_EXCHANGES_PER_SUBJECT = 50
"""Tried from each start, ..."""
_MOST_EXCHANGES = 20_000
"""... up to so many; as many starts as fit into so many exchanges, at least two."""
_ABSENCE = 100.0
"""What an AU without active frames in a part costs, in units of squared relative deviations."""


def divide(counts: Counts, sizes: Sequence[int], generator: np.random.Generator) -> Parts:
    """The part (0, 1, ...) of each of S subjects, int64 (S,); part k gets ``sizes[k]`` of them.

    ``counts`` (S, C): what should be spread evenly, such as active frames per AU and frames.
    """
    assert sum(sizes) == len(counts)
    shares = np.array(sizes)[:, None] / len(counts) * counts.sum(axis=0)
    best: tuple[float, Parts] | None = None
    tries = min(_EXCHANGES_PER_SUBJECT * len(counts), _MOST_EXCHANGES)
    for _ in range(max(2, _MOST_EXCHANGES // tries)):
        parts = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
        cost = _improve(parts, counts, shares, tries, generator)
        if best is None or cost < best[0]:
            best = cost, parts
    assert best is not None
    return best[1]


def _improve(
    parts: Parts, counts: Counts, shares: Counts, tries: int, generator: np.random.Generator
) -> float:
    """Try to exchange pairs of subjects of different parts, in place, where it lowers the cost."""
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
    """The cost of each part (K,): squared relative deviations, and what is absent."""
    present = shares > 0
    deviations = np.divide(sums - shares, shares, out=np.zeros_like(sums), where=present)
    absent = present & (sums == 0)
    costs: Counts = (deviations**2).sum(axis=1) + _ABSENCE * absent.sum(axis=1)
    return costs
