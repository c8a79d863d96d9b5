"""The numbers of a cross-validation: by fold, seed and AU, all from predictions.

A cell is the mean over seeds; ``mean`` and ``deviation`` are over folds (n - 1), as papers print
them; ``seed_deviation`` is that of the mean over folds, from seed to seed. ``pooled`` is of the
frames of all folds at once, averaged over seeds, with its interval over people.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate
from audetnet.results.estimates import estimates, values
from audetnet.results.predictions import Piece, Pooled, pooled


@dataclass(frozen=True, kw_only=True)
class Line:
    """A metric of an AU, or of their mean. ``cells`` (S, K): by seed and fold, NaN = undefined."""

    cells: Array
    pooled: Estimate

    @property
    def folds(self) -> Array:
        """(K,), averaged over seeds."""
        return _mean(self.cells, axis=0)

    @property
    def mean(self) -> float:
        return float(_mean(self.folds, axis=0))

    @property
    def deviation(self) -> float:
        return _deviation(self.folds)

    @property
    def seed_deviation(self) -> float:
        return _deviation(_mean(self.cells, axis=1))


@dataclass(frozen=True, kw_only=True)
class CrossValidated:
    """A method on all folds. ``lines`` by metric, then by AU and ``mean``; ``pools``: all folds of
    each seed as one set.
    """

    name: str
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    pools: Sequence[Pooled]
    lines: Mapping[str, Mapping[str, Line]]

    @property
    def found(self) -> Mapping[str, Mapping[str, Estimate]]:
        """The pooled numbers."""
        return {
            name: {au: line.pooled for au, line in by_au.items()}
            for name, by_au in self.lines.items()
        }


def cross_validated(name: str, pieces: Sequence[Piece], folds: Sequence[str]) -> CrossValidated:
    """Everything of a method. Raises UserError where a fold is missing in a seed."""
    arranged = _arranged(name, pieces, folds)
    pools = [pooled(of_seed) for of_seed in arranged.values()]
    found = estimates(pools)
    cells = [[values(pooled([piece])) for piece in of_seed] for of_seed in arranged.values()]
    lines = {
        metric: {
            au: Line(
                cells=np.array([[each[metric][au] for each in of_seed] for of_seed in cells]),
                pooled=estimate,
            )
            for au, estimate in by_au.items()
        }
        for metric, by_au in found.items()
    }
    return CrossValidated(
        name=name, folds=tuple(folds), seeds=tuple(arranged), pools=pools, lines=lines
    )


def pools_by_seed(pieces: Sequence[Piece]) -> dict[int, Pooled]:
    """All folds of each seed as one set."""
    by_seed: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_seed.setdefault(piece.seed or 0, []).append(piece)
    return {seed: pooled(by_seed[seed]) for seed in sorted(by_seed)}


def _arranged(name: str, pieces: Sequence[Piece], folds: Sequence[str]) -> dict[int, list[Piece]]:
    """The folds of each seed, in their order."""
    by_seed: dict[int, dict[str, Piece]] = {}
    for piece in pieces:
        assert piece.seed is not None
        by_seed.setdefault(piece.seed, {})[piece.part] = piece
    for seed, found in by_seed.items():
        missing = [fold for fold in folds if fold not in found]
        strange = [fold for fold in found if fold not in folds]
        if missing or strange:
            what = f"no predictions of fold {missing[0]}" if missing else f"a fold {strange[0]}"
            raise UserError(f"{name}: seed {seed} has {what}; its folds are {', '.join(folds)}")
    return {seed: [by_seed[seed][fold] for fold in folds] for seed in sorted(by_seed)}


def _mean(numbers: Array, axis: int) -> Array:
    """Over what is defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing is
        return np.asarray(np.nanmean(numbers, axis=axis))


def _deviation(numbers: Array) -> float:
    known = numbers[~np.isnan(numbers)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
