"""Dependence of two blocks of codes: bias-corrected distance correlation and unbiased HSIC.

Both are correlations of two (N, N) matrices, of distances or of kernel values, centred such that
the expectation is 0 for independent blocks in any dimension (plain distance correlation is biased).
Checked against hyppo 0.5, which takes half a minute to compile and 20 times as long per
permutation, and has neither a bootstrap nor a permutation that preserves temporal order.
"""

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import chi2

from audetnet.disentangling.block_metrics import standardised
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices, Statistic

PERMUTATIONS = 199
"""Shifts per p-value, which is at least 1 / (PERMUTATIONS + 1)."""
_FEWEST_FRAMES = 4


def distances(z: Array) -> Array:
    """Euclidean distances (N, N) of codes (N, D) standardised per dimension."""
    return np.asarray(squareform(pdist(standardised(z))))


def kernel_distances(z: Array) -> Array:
    """1 - k(x, y) of the RBF kernel k = exp(-d^2 / (2 m^2)), m the median distance; (N, N)."""
    between = pdist(standardised(z))
    width = np.median(between) if len(between) else 0.0
    return np.asarray(squareform(1 - np.exp(-(between**2) / (2 * width**2 or 1.0))))


def u_centred(matrix: Array) -> Array:
    """U-centring (Szekely & Rizzo 2014): the diagonal is 0, and so is the sum of every row."""
    n = len(matrix)
    assert n >= _FEWEST_FRAMES
    rows = matrix.sum(axis=0) / (n - 2)
    result = matrix - rows[:, None] - rows[None, :] + matrix.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(result, 0)
    return np.asarray(result)


def dependence(a: Array, b: Array, person: Indices) -> Statistic:
    """<a, b> / sqrt(<a, a> <b, b>) of two U-centred matrices: bias-corrected dCor^2 (Szekely &
    Rizzo 2014) of distances, normalised unbiased HSIC (Gretton et al. 2007; Song et al. 2012) of
    kernel distances.

    About 0 (negative half the time) for independent blocks, at most 1. Products are summed by the
    people of both frames; resampling people keeps the centring, and a person drawn twice forms no
    pairs with their copy.
    """
    people = int(person.max()) + 1
    one_hot = (person[:, None] == np.arange(people)).astype(np.float64)
    ab, aa, bb = (one_hot.T @ (x * y) @ one_hot for x, y in ((a, b), (a, a), (b, b)))

    def statistic(weights: Array) -> float:
        pairs = np.outer(weights, weights)
        np.fill_diagonal(pairs, weights)
        variances = (pairs * aa).sum() * (pairs * bb).sum()
        return float((pairs * ab).sum() / np.sqrt(variances)) if variances > 0 else float("nan")

    return statistic


def chi_square_p_value(value: float, frames: int) -> float:
    """p of a bias-corrected correlation over ``frames`` independent draws: the probability that
    chi^2 with one degree of freedom is at least N * value + 1 (Shen, Panda & Vogelstein 2022).

    Slightly conservative. Frames of one person are not independent: if both blocks identify the
    person, it is near 0, and rightly so.
    """
    return float(chi2.sf(frames * value + 1, 1))


def shift_p_value(a: Array, b: Array, person: Indices, generator: np.random.Generator) -> float:
    """p of <a, b> under shifts of the second block in time against the first, person by person.

    Each person's frames must be in temporal order. Their z2 is rotated by a random number of
    frames, which preserves the slow drift of each block and breaks the link between the two; p = (1
    + shifts with at least this <a, b>) / (1 + shifts). Uniform if the blocks are independent within
    each person.
    """
    observed = float((a * b).sum())
    rows = [np.flatnonzero(person == one) for one in range(int(person.max()) + 1)]
    reached = 0
    for _ in range(PERMUTATIONS):
        order = np.arange(len(person))
        for own in rows:
            order[own] = np.roll(own, int(generator.integers(len(own))))
        reached += float((a * b[np.ix_(order, order)]).sum()) >= observed
    return (1 + reached) / (1 + PERMUTATIONS)


def within_person(z: Array, person: Indices) -> Array:
    """Codes (N, D) minus the mean code of their person."""
    sums = np.zeros((int(person.max()) + 1, z.shape[1]))
    np.add.at(sums, person, z)
    return np.asarray(z - (sums / np.bincount(person)[:, None])[person])
