"""Statistics of intensities against the metrics over frames."""

import numpy as np

from audetnet.baselines.agreement import macro_icc, macro_mae
from audetnet.evaluation.metrics import icc31, mae

PERSON = np.repeat([0, 1, 2], [5, 9, 6])


def _made() -> tuple[np.ndarray, np.ndarray]:
    numbers = np.random.default_rng(0)
    actual = numbers.integers(0, 6, (20, 2)).astype(np.float64)
    predicted = (actual + numbers.normal(0, 1.5, actual.shape)).clip(0, 5)
    actual[3:8, 1] = np.nan
    return predicted, actual


def _over_frames(predicted: np.ndarray, actual: np.ndarray, metric: object) -> float:
    known = ~np.isnan(actual)
    values = [metric(predicted[k, au], actual[k, au]) for au, k in enumerate(known.T)]  # type: ignore[operator]
    return float(np.mean(values))


def test_they_are_the_metrics_means_and_a_person_of_weight_two_counts_twice() -> None:
    predicted, actual = _made()
    rows = np.concatenate([np.arange(20), np.flatnonzero(PERSON == 1)])
    for macro, metric in ((macro_icc, icc31), (macro_mae, mae)):
        statistic = macro(predicted, actual, PERSON)
        expected = _over_frames(predicted, actual, metric)
        np.testing.assert_allclose(statistic(np.ones(3)), expected)
        expected = _over_frames(predicted[rows], actual[rows], metric)
        found = statistic(np.array([1.0, 2, 1]))
        np.testing.assert_allclose(found, expected, rtol=2e-2 if metric is icc31 else 1e-9)


def test_an_au_without_a_number_takes_no_part() -> None:
    predicted, actual = _made()
    actual[:, 1] = np.nan
    for macro in (macro_icc, macro_mae):
        both, alone = (
            macro(predicted, actual, PERSON),
            macro(predicted[:, :1], actual[:, :1], PERSON),
        )
        assert both(np.ones(3)) == alone(np.ones(3))
    assert np.isnan(macro_mae(predicted[:, 1:], actual[:, 1:], PERSON)(np.ones(3)))
