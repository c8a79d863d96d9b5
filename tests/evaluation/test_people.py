"""Estimates over people."""

import numpy as np
import pytest

from audetnet.evaluation.people import (
    Estimate,
    estimate,
    mean_over_frames,
    mean_over_people,
    sums_by_person,
)


def _generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_sums_by_person() -> None:
    sums = sums_by_person(np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([1, 0, 1]))
    np.testing.assert_array_equal(sums, [[3, 4], [6, 8]])


def test_means_weigh_frames_or_people() -> None:
    person = np.array([0, 0, 0, 1])
    values = np.array([1.0, 1, 1, 5])
    assert mean_over_frames(values, person)(np.ones(2)) == 2
    assert mean_over_frames(values, person)(np.array([0.0, 2])) == 5
    assert mean_over_people(np.array([1.0, 5]))(np.ones(2)) == 3
    assert np.isnan(mean_over_frames(values, person)(np.zeros(2)))


def test_the_interval_is_that_of_means_over_people() -> None:
    """The mean of P people has the standard error of their values, regardless of their frames."""
    values = np.random.default_rng(1).normal(size=200)
    found = estimate(mean_over_people(values), 200, _generator())
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """95 % intervals of 15 people: the percentile bootstrap covers somewhat less."""
    numbers = np.random.default_rng(2)
    covered = []
    for _ in range(200):
        effects = numbers.normal(size=15)
        person = np.repeat(np.arange(15), 20)
        frames = effects[person] + 0.1 * numbers.normal(size=300)
        found = estimate(mean_over_frames(frames, person), 15, numbers)
        covered.append(found.low <= 0 <= found.high)
    assert 0.87 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("people", [1, 2])
def test_too_few_people_have_no_interval(people: int) -> None:
    found = estimate(mean_over_people(np.arange(people) * 1.0), people, _generator(), p=0.5)
    assert found.value == (people - 1) / 2
    assert np.isnan([found.low, found.high]).all() and found.p == 0.5


def test_an_undefined_value_has_no_interval() -> None:
    found = estimate(lambda weights: float("nan"), 9, _generator())
    assert np.isnan([found.value, found.low, found.high]).all()


def test_draws_in_which_the_statistic_is_undefined_do_not_count() -> None:
    found = estimate(lambda w: 1.0 if w[0] > 0 else float("nan"), 5, _generator())
    assert found == Estimate(value=1.0, low=1.0, high=1.0)
