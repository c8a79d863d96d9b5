"""Estimates with intervals over people. A statistic is a function of each person's weight, so that
people can be resampled (bootstrap) without computing anything again.

Frames of a person resemble each other, so an interval over frames would be much too narrow: the
sampling unit is the person.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from audetnet.evaluation.metrics import Array

Indices = npt.NDArray[np.int64]
Statistic = Callable[[Array], float]
"""Weights (P,) of the people, all 1 for the original sample, to a number; NaN if undefined."""
DRAWS = 1000
"""Bootstrap samples per interval."""
CONFIDENCE = 0.95
MIN_PEOPLE = 3
"""With fewer people there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its interval over people (NaN if there is none) and, for a test, its p."""

    value: float
    low: float = float("nan")
    high: float = float("nan")
    p: float | None = None


def estimate(
    statistic: Statistic, people: int, generator: np.random.Generator, p: float | None = None
) -> Estimate:
    """The statistic on the sample, with the 95 % percentile interval over ``DRAWS`` samples of
    people with replacement (cluster bootstrap; Efron 1979).
    """
    (found,) = estimates(lambda weights: np.array([statistic(weights)]), people, generator)
    return replace(found, p=p)


def estimates(
    statistics: Callable[[Array], Array], people: int, generator: np.random.Generator
) -> list[Estimate]:
    """``estimate`` for several statistics (K,) of the same weights, over the same samples."""
    values = statistics(np.ones(people))
    known = ~np.isnan(values)
    low, high = np.full((2, len(values)), np.nan)
    if people >= MIN_PEOPLE and known.any():
        samples = np.array([statistics(weights) for weights in resampled_people(people, generator)])
        low[known], high[known] = interval(samples[:, known])
    numbers = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Estimate(value=value, low=lower, high=upper) for value, lower, upper in numbers]


def resampled_people(people: int, generator: np.random.Generator) -> Array:
    """How often each person occurs in each bootstrap sample, (DRAWS, P)."""
    counts = generator.multinomial(people, np.full(people, 1 / people), size=DRAWS)
    return counts.astype(np.float64)


def interval(samples: Array) -> tuple[Array, Array]:
    """The 95 % percentile interval of values over samples (DRAWS, ...); NaN is ignored."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def sums_by_person(values: Array, person: Indices) -> Array:
    """Sums (P, ...) of values (N, ...) over each person's frames; ``person`` (N,) is an index from
    0.
    """
    sums = np.zeros((int(person.max()) + 1, *values.shape[1:]))
    np.add.at(sums, person, values)
    return sums


def mean_over_frames(values: Array, person: Indices) -> Statistic:
    """The mean of a value per frame (N,)."""
    sums = sums_by_person(values, person)
    counts = np.bincount(person).astype(np.float64)
    return lambda weights: _ratio(weights @ sums, weights @ counts)


def mean_over_people(values: Array) -> Statistic:
    """The mean of a value per person (P,)."""
    return lambda weights: _ratio(weights @ values, np.asarray(weights.sum()))


def _ratio(numerator: Array, denominator: Array) -> float:
    return float(numerator) / float(denominator) if denominator else float("nan")
