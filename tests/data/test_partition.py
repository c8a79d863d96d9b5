"""Dividing subjects: sizes are kept, rare AUs are spread, the same seed gives the same parts."""

import itertools

import numpy as np
import pytest

from audetnet.data.partition import Counts, Parts, divide


def _divide(counts: Counts, sizes: list[int], seed: int = 0) -> Parts:
    return divide(counts, sizes, np.random.default_rng(seed))


@pytest.mark.parametrize("sizes", [[9, 9, 9], [3, 24], [5, 6, 7, 9], [1, 26]])
def test_parts_have_the_sizes_asked_for(sizes: list[int]) -> None:
    counts = np.random.default_rng(1).random((27, 5))
    assert np.bincount(_divide(counts, sizes)).tolist() == sizes


@pytest.mark.parametrize("seed", range(5))
def test_every_part_gets_an_au_that_as_many_subjects_have(seed: int) -> None:
    """Three of 27 subjects show it, and there are three parts: one each."""
    counts = np.random.default_rng(seed).random((27, 4))
    having = np.random.default_rng(seed).permutation(27)[:3]
    counts[:, 0] = 0
    counts[having, 0] = [1000, 10, 1]
    assert sorted(_divide(counts, [9, 9, 9], seed)[having]) == [0, 1, 2]


def test_a_small_part_gets_rare_aus_if_possible() -> None:
    """Each of three AUs is active in two subjects; one part of three subjects can hold all."""
    counts = np.zeros((12, 3))
    for au in range(3):
        counts[2 * au : 2 * au + 2, au] = 5
    parts = _divide(counts, [3, 9])
    assert (counts[parts == 0] > 0).any(axis=0).all()
    assert (counts[parts == 1] > 0).any(axis=0).all()


def test_sums_are_as_even_as_the_best_of_all_divisions() -> None:
    """For eight subjects and two parts, all 70 divisions are tried."""
    counts = np.random.default_rng(3).integers(1, 100, (8, 3)).astype(float)
    share = counts.sum(axis=0) / 2

    def deviation(rows: list[int]) -> float:
        return float((((counts[rows].sum(axis=0) - share) / share) ** 2).sum())

    best = min(deviation(list(rows)) for rows in itertools.combinations(range(8), 4))
    found = deviation(np.flatnonzero(_divide(counts, [4, 4]) == 0).tolist())
    assert found == pytest.approx(best)


def test_an_au_that_nobody_shows_does_not_matter() -> None:
    counts = np.random.default_rng(0).random((6, 2))
    counts[:, 1] = 0
    assert np.bincount(_divide(counts, [3, 3])).tolist() == [3, 3]


def test_the_seed_decides() -> None:
    counts = np.random.default_rng(0).random((40, 5))
    np.testing.assert_array_equal(_divide(counts, [20, 20], 1), _divide(counts, [20, 20], 1))
    assert (_divide(counts, [20, 20], 1) != _divide(counts, [20, 20], 2)).any()
