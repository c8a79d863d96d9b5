"""Thresholds against trying all of them."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from audetnet.baselines.thresholds import best_f1_threshold, best_f1_thresholds


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    scores = numbers.integers(0, 12, 40).astype(np.float64)  # many ties
    labels = (scores + numbers.normal(0, 6, 40) > 9).astype(np.float64)
    found = f1_score(labels, scores >= best_f1_threshold(scores, labels))
    every = [f1_score(labels, scores >= each) for each in np.arange(-1, 13, 0.5)]
    assert found == pytest.approx(max(every))


def test_it_lies_between_the_last_active_and_the_next_score() -> None:
    assert best_f1_threshold(np.array([1.0, 5, 3, 4]), np.array([0.0, 1, 0, 1])) == 3.5


def test_unknown_labels_and_scores_take_no_part() -> None:
    scores = np.array([9.0, 5, np.nan, 4, 0])
    labels = np.array([np.nan, 1, 0, 1, 0])
    assert best_f1_threshold(scores, labels) == 2


def test_without_an_active_frame_there_is_none() -> None:
    labels = np.array([[0.0, 1], [0, 0]])
    thresholds = best_f1_thresholds(np.array([[1.0, 1], [0, 0]]), labels)
    np.testing.assert_array_equal(thresholds, [np.nan, 0.5])
