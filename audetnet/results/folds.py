"""Metrics of a cross-validation by fold, seed and AU, all computed from predictions.

Folds are averaged over seeds; ``mean`` and ``deviation`` (n - 1) are over folds, as papers print
them; ``seed_deviation`` is the deviation over seeds of the mean over folds. ``pooled`` is computed
on the frames of all folds together and averaged over seeds, with its interval over people.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate
from audetnet.results.estimates import estimates, values
from audetnet.results.predictions import Pooled, PredictionSet, pooled


@dataclass(frozen=True, kw_only=True)
class FoldValues:
    """A metric of one AU, or the mean over AUs. ``cells`` (seeds, folds): NaN = undefined."""

    cells: Array
    pooled: Estimate

    @property
    def folds(self) -> Array:
        """(folds,), averaged over seeds."""
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
class CrossValidation:
    """A method on all folds. ``table``: by metric, then by AU and ``mean``; ``pools``: for each
    seed, all folds as one set.
    """

    name: str
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    pools: Sequence[Pooled]
    table: Mapping[str, Mapping[str, FoldValues]]

    @property
    def pooled(self) -> Mapping[str, Mapping[str, Estimate]]:
        """The pooled metrics."""
        return {
            name: {au: line.pooled for au, line in by_au.items()}
            for name, by_au in self.table.items()
        }


def summarise_folds(
    name: str, subsets: Sequence[PredictionSet], folds: Sequence[str]
) -> CrossValidation:
    """All metrics of a method. Raises UserError if a seed lacks a fold."""
    arranged = _arranged(name, subsets, folds)
    pools = [pooled(of_seed) for of_seed in arranged.values()]
    found = estimates(pools)
    cells = [[values(pooled([subset])) for subset in of_seed] for of_seed in arranged.values()]
    table = {
        metric: {
            au: FoldValues(
                cells=np.array([[each[metric][au] for each in of_seed] for of_seed in cells]),
                pooled=estimate,
            )
            for au, estimate in by_au.items()
        }
        for metric, by_au in found.items()
    }
    return CrossValidation(
        name=name, folds=tuple(folds), seeds=tuple(arranged), pools=pools, table=table
    )


def pools_by_seed(subsets: Sequence[PredictionSet]) -> dict[int, Pooled]:
    """For each seed, all folds as one set."""
    by_seed: dict[int, list[PredictionSet]] = {}
    for subset in subsets:
        by_seed.setdefault(subset.seed or 0, []).append(subset)
    return {seed: pooled(by_seed[seed]) for seed in sorted(by_seed)}


def _arranged(
    name: str, subsets: Sequence[PredictionSet], folds: Sequence[str]
) -> dict[int, list[PredictionSet]]:
    """The folds of each seed in order."""
    by_seed: dict[int, dict[str, PredictionSet]] = {}
    for subset in subsets:
        assert subset.seed is not None
        by_seed.setdefault(subset.seed, {})[subset.part] = subset
    for seed, found in by_seed.items():
        missing = [fold for fold in folds if fold not in found]
        unknown = [fold for fold in found if fold not in folds]
        if missing or unknown:
            what = (
                f"no predictions of fold {missing[0]}" if missing else f"unknown fold {unknown[0]}"
            )
            raise UserError(f"{name}: seed {seed} has {what}; expected folds {', '.join(folds)}")
    return {seed: [by_seed[seed][fold] for fold in folds] for seed in sorted(by_seed)}


def _mean(numbers: Array, axis: int) -> Array:
    """Mean of the defined values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all undefined
        return np.asarray(np.nanmean(numbers, axis=axis))


def _deviation(numbers: Array) -> float:
    known = numbers[~np.isnan(numbers)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
