"""Split or subsample frames by person; ``people`` (N,) holds arbitrary integers."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def assign_folds(people: Indices, max_folds: int) -> Indices:
    """The fold of each frame (N,), from 0. All frames of a person are in the same fold, and folds
    are about equally large (like sklearn's GroupKFold).
    """
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    sizes = np.zeros(min(max_folds, len(counts)), dtype=np.int64)
    folds = np.zeros(len(counts), dtype=np.int64)
    for index in np.argsort(-counts, kind="stable"):
        folds[index] = sizes.argmin()
        sizes[folds[index]] += counts[index]
    return np.asarray(folds[person])


def subsample_over_people(people: Indices, max_frames: int) -> Indices:
    """Indices of at most ``max_frames`` frames, ascending: the same number for each person as far
    as possible, spread evenly over that person's frames.
    """
    if len(people) <= max_frames:
        return np.arange(len(people))
    rounds = np.empty(len(people), dtype=np.int64)
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        rounds[rows] = _van_der_corput_ranks(len(rows))
    return np.sort(np.argsort(rounds, kind="stable")[:max_frames])


def _van_der_corput_ranks(count: int) -> Indices:
    """When to take each of ``count`` items in a row, from 0, so that those taken so far are always
    spread evenly: in the order of their bit-reversed indices.
    """
    indices = np.arange(count)
    bits = max(count - 1, 1).bit_length()
    bit_reversed = sum(((indices >> bit) & 1) << (bits - 1 - bit) for bit in range(bits))
    return np.argsort(np.argsort(bit_reversed))
