"""Thresholds compared with an exhaustive search, and their file."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from audetnet.errors import UserError
from audetnet.evaluation.thresholds import (
    THRESHOLDS_FILE,
    Thresholds,
    best_f1_threshold,
    best_f1_thresholds,
    read_thresholds,
    write_thresholds,
)


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


def test_unknown_labels_and_scores_are_ignored() -> None:
    scores = np.array([9.0, 5, np.nan, 4, 0])
    labels = np.array([np.nan, 1, 0, 1, 0])
    assert best_f1_threshold(scores, labels) == 2


def test_without_an_active_frame_there_is_none() -> None:
    labels = np.array([[0.0, 1], [0, 0]])
    thresholds = best_f1_thresholds(np.array([[1.0, 1], [0, 0]]), labels)
    np.testing.assert_array_equal(thresholds, [np.nan, 0.5])


@pytest.mark.parametrize("tuned", [np.array([1.25, 3.0]), None], ids=["tuned", "default only"])
def test_what_is_written_is_read(tmp_path: Path, tuned: np.ndarray | None) -> None:
    written = Thresholds(
        aus=("AU1", "AU12"), scale="intensity", epoch=3, default=np.full(2, 2.0), validation=tuned
    )
    write_thresholds(tmp_path / THRESHOLDS_FILE, written)
    read = read_thresholds(tmp_path)
    assert (read.aus, read.scale, read.epoch) == (("AU1", "AU12"), "intensity", 3)
    np.testing.assert_array_equal(read.default, [2, 2])
    np.testing.assert_array_equal(read.validation, tuned)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"thresholds\.json: no such file; it is written at the"):
        read_thresholds(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": "logit"},
        {"epoch": "3"},
        {"default": None},
        {"default": {"AU1": "high"}},
        {"validation": {"AU2": 0.5}},
        {"validation": {"AU1": float("nan")}},
    ],
    ids=str,
)
def test_another_kind_of_file_is_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    right = {"scale": "probability", "epoch": 1, "default": {"AU1": 0.5}, "validation": None}
    (tmp_path / THRESHOLDS_FILE).write_text(json.dumps(right))
    assert read_thresholds(tmp_path).validation is None
    (tmp_path / THRESHOLDS_FILE).write_text(json.dumps({**right, **change}))
    with pytest.raises(UserError, match="expected a file written by train"):
        read_thresholds(tmp_path)
