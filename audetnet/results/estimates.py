"""Metrics with intervals over people, and the people and groups they are worst for.

The seeds of a method are averaged within each bootstrap sample. The interval is therefore that of
the average over these seeds: it covers the choice of people, not that of seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.evaluation.metrics import METRICS, Array
from audetnet.evaluation.people import MIN_PEOPLE, Estimate, interval, resampled_people
from audetnet.results.predictions import Pooled
from audetnet.results.statistics import ByAU, statistics
from audetnet.seeds import Purpose, numpy_generator

MEAN = "mean"
FEW = 20
"""AUs with fewer active frames are marked: their numbers are mostly noise."""
Estimates = Mapping[str, Mapping[str, Estimate]]
"""By metric, then by AU; ``MEAN`` is over the AUs for which the metric is defined."""


def estimates(seeds: Sequence[Pooled], seed: int = 0) -> Estimates:
    """Every metric of a method, per AU and averaged. ``seeds``: one set of predictions per training
    seed, all of the same frames. ``seed``: of the bootstrap.
    """
    people = len(seeds[0].people)
    weights = bootstrap_weights(people, seed)
    found = {}
    by_metric = averaged_over_seeds(seeds)
    with ProgressBar("intervals over people", len(by_metric), unit="metric") as bar:
        for name, statistic in by_metric.items():
            drawn = append_mean(np.stack([statistic(each) for each in weights]))
            low, high = intervals(drawn[1:], people)
            columns = zip((*seeds[0].aus, MEAN), drawn[0], low, high, strict=True)
            found[name] = {
                au: Estimate(value=float(value), low=float(lower), high=float(upper))
                for au, value, lower, upper in columns
            }
            bar.advance()
    return found


def values(of: Pooled) -> dict[str, dict[str, float]]:
    """The same for a single training, without intervals."""
    everyone = np.ones(len(of.people))
    return {
        name: dict(zip((*of.aus, MEAN), append_mean(statistic(everyone)).tolist(), strict=True))
        for name, statistic in statistics(of.predictions, of.person).items()
    }


@dataclass(frozen=True)
class Worst:
    """The person or group with the worst value of a metric."""

    who: str
    value: float


def worst_person(seeds: Sequence[Pooled]) -> dict[str, Worst]:
    """By metric, the person with the worst mean over the AUs defined on their frames; empty where
    subjects are unknown.
    """
    people = seeds[0].people
    if len(people) == 1:
        return {}
    found = {}
    for name, statistic in averaged_over_seeds(seeds).items():
        each = np.array([append_mean(statistic(row))[-1] for row in np.eye(len(people))])
        if not np.isnan(each).all():
            place = int(np.nanargmax(each) if METRICS[name].is_error else np.nanargmin(each))
            found[name] = Worst(people[place], float(each[place]))
    return found


def by_person(seeds: Sequence[Pooled], name: str) -> dict[str, float]:
    """The mean of a metric over the AUs, for each person."""
    people, statistic = seeds[0].people, averaged_over_seeds(seeds)[name]
    return {
        who: float(append_mean(statistic(row))[-1])
        for who, row in zip(people, np.eye(len(people)), strict=True)
    }


def active_frames(of: Pooled) -> dict[str, int]:
    """Number of active frames of each AU."""
    counts = (of.predictions.labels == 1).sum(axis=0).tolist()
    return dict(zip(of.aus, counts, strict=True))


def bootstrap_weights(people: int, seed: int) -> Array:
    """Weights (1 + DRAWS, P): first everyone once, then the bootstrap samples."""
    if people < MIN_PEOPLE:
        return np.ones((1, people))
    drawn = resampled_people(people, numpy_generator(seed, Purpose.RESULTS))
    return np.concatenate([np.ones((1, people)), drawn])


def averaged_over_seeds(seeds: Sequence[Pooled]) -> dict[str, ByAU]:
    """The metrics that all trainings have, averaged over the trainings."""
    found = [statistics(pool.predictions, pool.person) for pool in seeds]

    def average(name: str) -> ByAU:
        return lambda weights: np.mean([each[name](weights) for each in found], axis=0)

    return {name: average(name) for name in found[0] if all(name in each for each in found)}


def append_mean(by_au: Array) -> Array:
    """Append the mean over the defined AUs: (..., A) to (..., A + 1)."""
    known = ~np.isnan(by_au)
    sums, counts = np.where(known, by_au, 0).sum(axis=-1), known.sum(axis=-1)
    mean = np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
    return np.concatenate([by_au, np.asarray(mean)[..., None]], axis=-1)


def intervals(drawn: Array, people: int) -> tuple[Array, Array]:
    """Bounds of each column of (DRAWS, columns); NaN with too few people or if never defined."""
    low, high = np.full((2, drawn.shape[1]), np.nan)
    defined = ~np.isnan(drawn).all(axis=0)
    if people >= MIN_PEOPLE and defined.any():
        low[defined], high[defined] = interval(drawn[:, defined])
    return low, high
