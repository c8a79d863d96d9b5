"""Frames split and subsampled by person."""

import numpy as np
import pytest

from audetnet.networks.people_folds import assign_folds, subsample_over_people


@pytest.mark.parametrize(
    ("counts", "most", "sizes"),
    [
        pytest.param([3, 3, 3], 12, [3, 3, 3], id="a person each"),
        pytest.param([5, 4, 3, 2, 1], 2, [8, 7], id="groups of about one size"),
        pytest.param([5], 12, [5], id="one person"),
    ],
)
def test_folds(counts: list[int], most: int, sizes: list[int]) -> None:
    people = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) * 7 - 9, counts))
    folds = assign_folds(people, most)
    assert sorted(np.bincount(folds), reverse=True) == sizes
    for person in set(people):
        assert len(set(folds[people == person])) == 1


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        pytest.param(1000, [100, 40, 3], id="all"),
        pytest.param(63, [30, 30, 3], id="as many of each as there are"),
        pytest.param(6, [2, 2, 2], id="few"),
        pytest.param(2, [1, 1, 0], id="fewer than people"),
    ],
)
def test_subsampling(most: int, expected: list[int]) -> None:
    people = np.repeat([4, 0, 8], [100, 40, 3])
    rows = subsample_over_people(people, most)
    assert (np.diff(rows) > 0).all()
    assert [int((people[rows] == person).sum()) for person in (4, 0, 8)] == expected
    for person, count in zip((4, 0), expected, strict=False):
        if count == 30:
            own = rows[people[rows] == person]
            largest_gap = np.diff(own).max()
            assert largest_gap <= 2 * (people == person).sum() / count
