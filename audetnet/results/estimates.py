"""Numbers with their intervals over people, and who they are worst for.

Several trainings (seeds) of one method count as one: their numbers are averaged for each sample of
people, so that an interval is of the method, not of a training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.evaluation.metrics import METRICS, Array
from audetnet.evaluation.people import FEWEST_PEOPLE, Estimate, interval, resampled_people
from audetnet.results.predictions import Pooled
from audetnet.results.statistics import ByAU, statistics
from audetnet.seeds import Purpose, numpy_generator

MEAN = "mean"
FEW = 20
"""An AU with fewer active frames than this is marked: its numbers are chance."""
Estimates = Mapping[str, Mapping[str, Estimate]]
"""By metric, then by AU; ``MEAN``: over the AUs for which it is defined."""


def estimates(seeds: Sequence[Pooled], seed: int = 0) -> Estimates:
    """Every metric of a method, by AU and on average. ``seeds``: its trainings, of the same frames.
    ``seed`` says which people are drawn.
    """
    people = len(seeds[0].people)
    weights = samples(people, seed)
    found = {}
    by_metric = averaged(seeds)
    with ProgressBar("intervals over people", len(by_metric), unit="metric") as bar:
        for name, statistic in by_metric.items():
            drawn = with_mean(np.stack([statistic(each) for each in weights]))
            values = drawn[0]
            low, high = intervals(drawn[1:], people)
            found[name] = {
                au: Estimate(value=float(v), low=float(one), high=float(other))
                for au, v, one, other in zip((*seeds[0].aus, MEAN), values, low, high, strict=True)
            }
            bar.advance()
    return found


def values(of: Pooled) -> dict[str, dict[str, float]]:
    """The same of one training, without intervals."""
    everyone = np.ones(len(of.people))
    return {
        name: dict(zip((*of.aus, MEAN), with_mean(statistic(everyone)).tolist(), strict=True))
        for name, statistic in statistics(of.predictions, of.person).items()
    }


@dataclass(frozen=True)
class Worst:
    """Who a metric is worst for, and how bad."""

    who: str
    value: float


def worst_person(seeds: Sequence[Pooled]) -> dict[str, Worst]:
    """By metric, the person with the worst mean over the AUs that are defined of their frames."""
    people = seeds[0].people
    found = {}
    for name, statistic in averaged(seeds).items():
        each = np.array([with_mean(statistic(row))[-1] for row in np.eye(len(people))])
        if not np.isnan(each).all():
            place = int(np.nanargmax(each) if METRICS[name].is_error else np.nanargmin(each))
            found[name] = Worst(people[place], float(each[place]))
    return found


def by_person(seeds: Sequence[Pooled], name: str) -> dict[str, float]:
    """A metric's mean over the AUs, person by person."""
    people, statistic = seeds[0].people, averaged(seeds)[name]
    return {
        who: float(with_mean(statistic(row))[-1])
        for who, row in zip(people, np.eye(len(people)), strict=True)
    }


def active_frames(of: Pooled) -> dict[str, int]:
    """How often each AU is active."""
    counts = (of.predictions.labels == 1).sum(axis=0).tolist()
    return dict(zip(of.aus, counts, strict=True))


def samples(people: int, seed: int) -> Array:
    """The people as they are, then the samples of them: (1 + DRAWS, P)."""
    if people < FEWEST_PEOPLE:
        return np.ones((1, people))
    drawn = resampled_people(people, numpy_generator(seed, Purpose.RESULTS))
    return np.concatenate([np.ones((1, people)), drawn])


def averaged(seeds: Sequence[Pooled]) -> dict[str, ByAU]:
    """Each metric, averaged over the trainings that all have it."""
    found = [statistics(pool.predictions, pool.person) for pool in seeds]

    def average(name: str) -> ByAU:
        return lambda weights: np.mean([each[name](weights) for each in found], axis=0)

    return {name: average(name) for name in found[0] if all(name in each for each in found)}


def with_mean(by_au: Array) -> Array:
    """(..., A) with one more column: the mean of what is defined."""
    known = ~np.isnan(by_au)
    sums, counts = np.where(known, by_au, 0).sum(axis=-1), known.sum(axis=-1)
    mean = np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
    return np.concatenate([by_au, np.asarray(mean)[..., None]], axis=-1)


def intervals(drawn: Array, people: int) -> tuple[Array, Array]:
    """NaN where there are too few people, or an AU is never defined."""
    empty = np.full(drawn.shape[1], np.nan)
    if people < FEWEST_PEOPLE:
        return empty, empty
    low, high = empty.copy(), empty.copy()
    defined = ~np.isnan(drawn).all(axis=0)
    low[defined], high[defined] = interval(drawn[:, defined])
    return low, high
