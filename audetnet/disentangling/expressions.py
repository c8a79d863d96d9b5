"""Frames that show the same expression on several people, and how much predictions for them vary
over people and over expressions.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.console.lines import counted
from audetnet.data.frames import FrameSet
from audetnet.data.pairs import PAIRS_FILE
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices

NONE = -1
_PRECISION = 1e-6
"""Of float32 predictions, relative to the largest."""


@dataclass(frozen=True)
class Expressions:
    """``number`` (N,): the expression each frame shows, from 0, or NONE if fewer than two people
    show it. ``source``: how this is known.
    """

    number: Indices
    source: str

    @property
    def count(self) -> int:
        """Number of expressions."""
        return int(self.number.max(initial=NONE)) + 1

    def __str__(self) -> str:
        return f"{counted(self.count, 'expression')} on several people, by {self.source}"


BY_PAIRS, BY_LABELS = PAIRS_FILE, "equal labels of all AUs"


def find_expressions(frames: FrameSet, pairs: Mapping[str, str]) -> Expressions:
    """From the groups in pairs.csv or, if none of them has frames of two people, from equal labels
    of all AUs, ignoring frames with unknown labels and AUs that are never known.
    """
    paired = _shared([pairs.get(frame) for frame in frames.ids], frames.subjects)
    if paired.max(initial=NONE) > NONE:
        return Expressions(paired, BY_PAIRS)
    labels = frames.labels[:, ~np.isnan(frames.labels).all(axis=0)]
    keys = [None if np.isnan(row).any() else tuple(row.tolist()) for row in labels]
    return Expressions(_shared(keys, frames.subjects), BY_LABELS)


def _shared(keys: Sequence[Hashable | None], subjects: Sequence[str]) -> Indices:
    """Numbers (N,) of the keys that frames of at least two people have."""
    people: dict[Hashable, set[str]] = {}
    for key, subject in zip(keys, subjects, strict=True):
        if key is not None:
            people.setdefault(key, set()).add(subject)
    shared = [key for key, who in people.items() if len(who) > 1]
    numbers = {key: number for number, key in enumerate(shared)}
    return np.array([numbers.get(key, NONE) for key in keys], dtype=np.int64)


class Spread:
    """Half the mean squared difference of predictions over pairs of frames, by what they share.

    ``predictions`` (N, A), NaN = unknown; ``expression`` (N,) and ``person`` (N,) count from 0,
    frames with NONE are ignored. Several frames of a person with one expression count as their
    mean.
    """

    def __init__(self, predictions: Array, expression: Indices, person: Indices) -> None:
        rows = np.flatnonzero(expression != NONE)
        shape = (expression.max() + 1, person.max() + 1, predictions.shape[1])
        sums, counts = np.zeros(shape), np.zeros(shape)
        cell = expression[rows], person[rows]
        known = ~np.isnan(predictions[rows])
        np.add.at(counts, cell, known)
        np.add.at(sums, cell, np.where(known, predictions[rows], 0))
        self._observed = (counts > 0).astype(np.float64)
        """Whether a cell (E, P, A) has a prediction; below, how many each person has, (P, A)."""
        self._count = self._observed.sum(axis=0)
        values = sums / counts.clip(1)
        centre = values.sum(axis=(0, 1)) / self._count.sum(axis=0).clip(1)
        self._values = self._observed * (values - centre)  # large means would cost digits below
        self._rounding = (_PRECISION * np.abs(values).max(axis=(0, 1))) ** 2
        self._squares = self._values**2
        own = self._values.sum(axis=0)
        self._within = self._count * self._squares.sum(axis=0) - own**2
        """Sum of squared differences over the pairs of each person, (P, A)."""

    def of(self, weights: Array) -> tuple[Array, Array, Array]:
        """For pairs of two people with the same expression, of one person with two expressions, and
        of two people with two expressions: (A,) each, NaN if there is no such pair. ``weights``
        (P,): how often each person counts; a person drawn twice forms no pairs with their copy.

        In a two-way layout with random effects of expression, person and their interaction (with
        error) these are unbiased for the sums of the last two variances, of the first and the last,
        and of all three (Koch 1968).
        """
        ones, first, second = (
            np.einsum("p,epa->ea", weights, part)
            for part in (self._observed, self._values, self._squares)
        )
        same = (ones * second - first**2).sum(axis=0)
        same_pairs = (ones**2 - np.einsum("p,epa->ea", weights**2, self._observed)).sum(axis=0)
        own = weights @ self._within
        own_pairs = weights @ (self._count**2 - self._count)
        total = ones.sum(axis=0) * second.sum(axis=0) - first.sum(axis=0) ** 2
        total_pairs = ones.sum(axis=0) ** 2 - weights**2 @ self._count**2
        others = total - weights**2 @ self._within - same
        return (
            self._mean(same, same_pairs),
            self._mean(own, own_pairs),
            self._mean(others, total_pairs - same_pairs),
        )

    def _mean(self, sums: Array, pairs: Array) -> Array:
        """Sums of squared differences over twice the pairs; rounding errors become 0."""
        means = np.where(pairs > 0, sums / np.where(pairs > 0, pairs, 1), np.nan)
        return np.where(means < self._rounding, 0, means)
