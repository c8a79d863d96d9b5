"""Estimates over people: a statistic is a function of how much each person counts, so that people
can be drawn again (the bootstrap) without measuring anything anew.

Frames of one person resemble each other, so an interval over frames would be far too narrow: the
people are what was sampled.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from audetnet.evaluation.metrics import Array

Indices = npt.NDArray[np.int64]
Statistic = Callable[[Array], float]
"""Weights (P,) of the people, 1 each for the sample as it is, to a number; NaN where undefined."""
DRAWS = 1000
"""Bootstrap samples behind an interval."""
CONFIDENCE = 0.95
FEWEST_PEOPLE = 3
"""With fewer people than this there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its interval over people (NaN where there is none) and, of a test, its p."""

    value: float
    low: float = float("nan")
    high: float = float("nan")
    p: float | None = None


def estimate(
    statistic: Statistic, people: int, generator: np.random.Generator, p: float | None = None
) -> Estimate:
    """The statistic on the sample, and the percentile interval (95 %) of ``DRAWS`` samples of
    people drawn with replacement (Efron 1979; cluster bootstrap).
    """
    (found,) = estimates(lambda weights: np.array([statistic(weights)]), people, generator)
    return replace(found, p=p)


def estimates(
    statistics: Callable[[Array], Array], people: int, generator: np.random.Generator
) -> list[Estimate]:
    """The same of several statistics (K,) of the same weights, over the same samples."""
    values = statistics(np.ones(people))
    known = ~np.isnan(values)
    low, high = np.full((2, len(values)), np.nan)
    if people >= FEWEST_PEOPLE and known.any():
        drawn = np.array([statistics(weights) for weights in drawn_people(people, generator)])
        low[known], high[known] = interval(drawn[:, known])
    numbers = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Estimate(value=value, low=least, high=most) for value, least, most in numbers]


def drawn_people(people: int, generator: np.random.Generator) -> Array:
    """How often each person counts in each sample, (DRAWS, P)."""
    counts = generator.multinomial(people, np.full(people, 1 / people), size=DRAWS)
    return counts.astype(np.float64)


def interval(drawn: Array) -> tuple[Array, Array]:
    """The percentile interval (95 %) of values over samples (DRAWS, ...); NaN takes no part."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return low, high


def sums_by_person(values: Array, person: Indices) -> Array:
    """Sums (P, ...) over the frames of each person of values (N, ...); ``person`` (N,) counts from
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
