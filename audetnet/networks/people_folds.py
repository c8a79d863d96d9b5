"""Frames parted, or thinned out, by whose they are; ``people`` (N,) holds any integers."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def fold_of_people(people: Indices, most: int) -> Indices:
    """The fold of each frame (N,), from 0: all frames of a person are in one, and the folds, at
    most ``most``, hold about as many frames each (as sklearn's GroupKFold).
    """
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    sizes = np.zeros(min(most, len(counts)), dtype=np.int64)
    folds = np.zeros(len(counts), dtype=np.int64)
    for one in np.argsort(-counts, kind="stable"):
        folds[one] = sizes.argmin()
        sizes[folds[one]] += counts[one]
    return np.asarray(folds[person])


def spread_over_people(people: Indices, most: int) -> Indices:
    """At most ``most`` of the frames, rising: as many of each person as of any other, as far as
    there are, and spread evenly over a person's frames.
    """
    if len(people) <= most:
        return np.arange(len(people))
    rounds = np.empty(len(people), dtype=np.int64)
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        rounds[rows] = _spread_order(len(rows))
    return np.sort(np.argsort(rounds, kind="stable")[:most])


def _spread_order(count: int) -> Indices:
    """When each of ``count`` things in a row is taken, from 0, so that at any time those taken are
    spread evenly: in the order of their bits read backwards (van der Corput).
    """
    places = np.arange(count)
    bits = max(count - 1, 1).bit_length()
    backwards = sum(((places >> bit) & 1) << (bits - 1 - bit) for bit in range(bits))
    return np.argsort(np.argsort(backwards))
