"""Metrics compared with scikit-learn, with their definitions, and with a published table."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from audetnet.evaluation.metrics import (
    METRICS,
    Array,
    Function,
    Metric,
    Predictions,
    accuracy,
    au_metrics,
    average_precision,
    calibration_error,
    cross_correlation,
    f1,
    icc31,
    mae,
    mean_of,
    mean_variance,
    mse,
    pcc,
    two_afc,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    dtype=float,
)
"""Table 2 of Shrout & Fleiss 1979: six targets, four judges; ICC(3,1) = .71."""


def _icc31_by_anova(ratings: Array) -> float:
    """ICC(3,1) of n targets and k judges, each sum of squares written out in loops."""
    n, k = ratings.shape
    grand = sum(ratings[i, j] for i in range(n) for j in range(k)) / (n * k)
    targets = [sum(ratings[i, j] for j in range(k)) / k for i in range(n)]
    judges = [sum(ratings[i, j] for i in range(n)) / n for j in range(k)]
    total = sum((ratings[i, j] - grand) ** 2 for i in range(n) for j in range(k))
    between_targets = k * sum((mean - grand) ** 2 for mean in targets)
    between_judges = n * sum((mean - grand) ** 2 for mean in judges)
    bms = between_targets / (n - 1)
    ems = (total - between_targets - between_judges) / ((n - 1) * (k - 1))
    return float((bms - ems) / (bms + (k - 1) * ems))


def _decided(seed: int, share: float = 0.3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    labels = (random.random(200) < share).astype(float)
    return np.where(random.random(200) < 0.7, labels, 1 - labels), labels


def _rated(seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    actual = random.integers(0, 6, 100).astype(float)
    return np.clip(actual + random.normal(0.5, 1, 100), 0, 5), actual


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ours", "theirs"), [(f1, sk.f1_score), (accuracy, sk.accuracy_score)], ids=["f1", "accuracy"]
)
def test_decisions_are_judged_as_by_scikit_learn(
    ours: Metric, theirs: Callable[..., float], seed: int
) -> None:
    decisions, labels = _decided(seed)
    assert ours(decisions, labels) == pytest.approx(theirs(labels, decisions))


@pytest.mark.parametrize("levels", [2, 5, 50, None], ids=lambda n: f"{n or 'no'} ties")
@pytest.mark.parametrize("seed", range(3))
def test_two_afc_is_the_area_under_the_curve_with_ties(seed: int, levels: int | None) -> None:
    random = np.random.default_rng(seed)
    _, labels = _decided(seed)
    scores = random.normal(labels, 1.5)
    if levels:
        scores = np.round(scores * levels / 10)
    assert two_afc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, scores))
    pairs = [
        float(a > b) + float(a == b) / 2 for a in scores[labels == 1] for b in scores[labels == 0]
    ]
    assert two_afc(scores, labels) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([1, 2, 3, 4], 1), ([4, 3, 2, 1], 0), ([7, 7, 7, 7], 0.5), ([1, 3, 2, 4], 0.75)],
    ids=["perfect", "reversed", "all tied", "one pair wrong"],
)
def test_two_afc_by_hand(scores: list[float], expected: float) -> None:
    assert two_afc(np.array(scores, float), np.array([0.0, 0, 1, 1])) == expected


@pytest.mark.parametrize("levels", [2, 5, None], ids=lambda n: f"{n or 'no'} ties")
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_scikit_learn(seed: int, levels: int | None) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(150) < 0.2).astype(float)
    scores = labels + random.normal(0, 1, 150)
    if levels is not None:
        scores = np.round(scores * levels / 4)
    expected = sk.average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("probabilities", "labels", "expected"),
    [
        ([0.0, 1.0, 1.0, 0.0], [0, 1, 1, 0], 0.0),
        ([0.0, 1.0], [1, 0], 1.0),
        ([0.7, 0.7, 0.7, 0.7], [1, 1, 1, 0], 0.05),
        # bins apart do not make up for each other, frames of one bin do
        ([0.2, 0.9], [1, 0], (0.8 + 0.9) / 2),
        ([0.21, 0.25], [1, 0], abs(0.46 - 1) / 2),
    ],
)
def test_calibration_error_by_hand(
    probabilities: list[float], labels: list[float], expected: float
) -> None:
    found = calibration_error(np.array(probabilities), np.array(labels, dtype=float))
    assert found == pytest.approx(expected)


def test_icc_reproduces_the_published_table() -> None:
    """The written-out analysis gives the published .71 for all four judges. Judges 1 and 2 by hand:
    sums of squares 13 1/3 and 13 1/2, of products 10; ICC = 2 * 10 / (13 1/3 + 13 1/2) = 120/161.
    """
    assert _icc31_by_anova(SHROUT_FLEISS) == pytest.approx(0.71, abs=0.005)
    assert icc31(SHROUT_FLEISS[:, 0], SHROUT_FLEISS[:, 1]) == pytest.approx(120 / 161)


@pytest.mark.parametrize("judges", [(0, 1), (0, 3), (1, 2), (3, 0)], ids=str)
def test_icc_is_that_of_the_analysis_of_variance(judges: tuple[int, int]) -> None:
    pair = SHROUT_FLEISS[:, judges]
    assert icc31(pair[:, 0], pair[:, 1]) == pytest.approx(_icc31_by_anova(pair))


@pytest.mark.parametrize("seed", range(4))
def test_intensities_are_judged_as_by_their_definitions(seed: int) -> None:
    predicted, actual = _rated(seed)
    assert icc31(predicted, actual) == pytest.approx(
        _icc31_by_anova(np.stack([predicted, actual], 1))
    )
    assert mae(predicted, actual) == pytest.approx(sk.mean_absolute_error(actual, predicted))
    assert mse(predicted, actual) == pytest.approx(sk.mean_squared_error(actual, predicted))
    covariance = np.cov(predicted, actual)
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert pcc(predicted, actual) == pytest.approx(expected)


def test_icc_is_of_consistency() -> None:
    """A constant offset costs nothing, another scale does; opposite ratings give -1."""
    _, actual = _rated(0)
    assert icc31(actual + 2, actual) == pytest.approx(1)
    assert icc31(5 - actual, actual) == pytest.approx(-1)
    assert icc31(actual / 2, actual) == pytest.approx(0.8)
    assert pcc(actual / 2, actual) == pytest.approx(1)


ONES, ZEROS, MIXED, EMPTY = np.ones(7), np.zeros(7), np.array([0.0, 1, 2, 3, 4, 5, 0]), np.zeros(0)


@pytest.mark.parametrize(
    ("metric", "first", "second"),
    [
        (f1, ONES, ZEROS),
        (f1, ZEROS, ZEROS),
        (f1, EMPTY, EMPTY),
        (accuracy, EMPTY, EMPTY),
        (two_afc, MIXED, ZEROS),
        (two_afc, MIXED, ONES),
        (two_afc, EMPTY, EMPTY),
        (icc31, EMPTY, EMPTY),
        (icc31, MIXED[:1], MIXED[1:2]),
        (icc31, ZEROS, ONES),
        (icc31, ZEROS, 0.1 * ONES),
        (icc31, 0.7 * ONES, 0.1 * ONES),
        (icc31, np.full(1000, 0.1), np.zeros(1000)),
        (mae, EMPTY, EMPTY),
        (mse, EMPTY, EMPTY),
        (pcc, EMPTY, EMPTY),
        (pcc, MIXED[:1], MIXED[1:2]),
        (pcc, MIXED, 0.1 * ONES),
        (pcc, 0.1 * ONES, MIXED),
    ],
    ids=[
        *("f1, never active", "f1, never decided", "f1, nothing", "accuracy, nothing"),
        *("2AFC, never active", "2AFC, always active", "2AFC, nothing", "ICC, nothing"),
        *("ICC, one frame", "ICC, constants", "ICC, zeros and tenths", "ICC, inexact constants"),
        *("ICC, many tenths", "MAE, nothing", "MSE, nothing", "PCC, nothing", "PCC, one frame"),
        *("PCC, constant labels", "PCC, constant prediction"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_undefined_is_nan_without_a_warning(
    metric: Metric, first: Array, second: Array
) -> None:
    assert np.isnan(metric(first, second))


@pytest.mark.parametrize(
    ("metric", "first", "second", "expected"),
    [
        (f1, ZEROS, ONES, 0),
        (f1, ONES, ONES, 1),
        (accuracy, ZEROS, ONES, 0),
        (icc31, ZEROS, MIXED, 0),
        (icc31, MIXED, MIXED, 1),
        (mae, MIXED[:1], MIXED[3:4], 3),
        (mse, MIXED[:1], MIXED[3:4], 9),
    ],
    ids=[
        *("f1, all missed", "f1, all found", "accuracy, all wrong", "ICC, constant prediction"),
        *("ICC, the same", "MAE of one frame", "MSE of one frame"),
    ],
)
def test_edges_that_are_defined(
    metric: Metric, first: Array, second: Array, expected: float
) -> None:
    assert metric(first, second) == pytest.approx(expected, abs=1e-12)


def _predictions(count: int, aus: int, intensities: bool, unknown: float = 0.0) -> Predictions:
    random = np.random.default_rng(count)
    actual = random.integers(0, 6, (count, aus)).astype(float)
    actual[random.random(actual.shape) < unknown] = np.nan
    predicted = random.uniform(0, 5, (count, aus))
    labels = np.where(np.isnan(actual), np.nan, actual >= 2)
    decisions = (predicted >= 2).astype(float)
    if not intensities:
        return Predictions(scores=predicted, decisions=decisions, labels=labels)
    return Predictions(
        scores=predicted,
        decisions=decisions,
        labels=labels,
        intensities=predicted,
        intensity_labels=actual,
    )


OCCURRENCE: dict[str, Function] = {"f1": f1, "accuracy": accuracy}
INTENSITY: dict[str, Function] = {"icc": icc31, "mae": mae, "mse": mse, "pcc": pcc}


@pytest.mark.parametrize("unknown", [0, 0.3], ids=["all known", "some unknown"])
@pytest.mark.parametrize("intensities", [False, True], ids=["occurrence", "intensity"])
def test_every_au_is_judged_on_its_known_frames_alone(intensities: bool, unknown: float) -> None:
    names = ("AU1", "AU2", "AU12")
    predictions = _predictions(90, 3, intensities, unknown)
    table = au_metrics(predictions, names)
    assert set(table) >= {*OCCURRENCE, "2afc", *(INTENSITY if intensities else ())}
    assert intensities or not set(table) & set(INTENSITY)
    for column, au in enumerate(names):
        labels = predictions.labels[:, column]
        known = ~np.isnan(labels)
        assert known.sum() < 90 or not unknown
        for name, metric in OCCURRENCE.items():
            decisions = predictions.decisions[:, column]
            assert table[name][au] == metric(decisions[known], labels[known])
        scores = predictions.scores[:, column]
        assert table["2afc"][au] == two_afc(scores[known], labels[known])
        for name, metric in INTENSITY.items() if intensities else ():
            assert predictions.intensities is not None
            assert predictions.intensity_labels is not None
            predicted = predictions.intensities[known, column]
            assert table[name][au] == metric(predicted, predictions.intensity_labels[known, column])


def test_a_new_metric_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets its inputs for the frames on which the AU is known; without intensities there are no
    intensity metrics."""
    seen: list[tuple[Array, ...]] = []

    def highest(*inputs: Array) -> float:
        seen.append(inputs)
        return float(inputs[0].max())

    read = ("scores", "decisions", "labels")
    monkeypatch.setitem(
        METRICS, "highest", Metric(function=highest, title="highest", reads=read, shown=False)
    )
    of_intensities = Metric(
        function=highest, title="strongest", reads=("intensities",), shown=False
    )
    monkeypatch.setitem(METRICS, "strongest", of_intensities)
    predictions = _predictions(20, 1, intensities=False, unknown=0.3)
    table = au_metrics(predictions, ("AU1",))
    known = ~np.isnan(predictions.labels[:, 0])
    assert 0 < known.sum() < 20 and len(seen) == 1
    for name, values in zip(read, seen[0], strict=True):
        np.testing.assert_array_equal(values, getattr(predictions, name)[known, 0])
    assert table["highest"]["AU1"] == predictions.scores[known, 0].max()
    assert "strongest" not in table
    assert "strongest" in au_metrics(_predictions(20, 1, intensities=True), ("AU1",))


@pytest.mark.filterwarnings("error")
def test_an_au_that_is_never_known_is_nan_and_leaves_the_others_alone() -> None:
    predictions = _predictions(40, 2, intensities=True)
    for labels in (predictions.labels, predictions.intensity_labels):
        assert labels is not None
        labels[:, 0] = np.nan
    table = au_metrics(predictions, ("AU1", "AU2"))
    assert all(np.isnan(row["AU1"]) for row in table.values())
    assert not any(np.isnan(row["AU2"]) for row in table.values())


def test_a_metric_is_of_all_frames_at_once_not_a_mean_over_batches() -> None:
    """Two halves with F1 of 1 and of 0 are together 2/3, not 1/2."""
    decisions, labels = np.array([1.0, 1, 0, 0, 0, 1]), np.array([1.0, 1, 0, 1, 0, 0])
    assert (f1(decisions[:3], labels[:3]), f1(decisions[3:], labels[3:])) == (1, 0)
    table = au_metrics(
        Predictions(
            scores=decisions[:, None], decisions=decisions[:, None], labels=labels[:, None]
        ),
        ("a",),
    )
    assert table["f1"]["a"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2, 6], 3), ([1, np.nan, 2], 1.5), ([np.nan], np.nan), ([], np.nan), ([0], 0)],
    ids=["all", "one undefined", "none defined", "nothing", "zero is defined"],
)
@pytest.mark.filterwarnings("error")
def test_a_mean_is_over_what_is_defined(values: list[float], expected: float) -> None:
    result = mean_of({f"AU{n}": value for n, value in enumerate(values)})
    assert result == pytest.approx(expected, nan_ok=True)


def test_forty_eight_thousand_frames_of_twelve_aus() -> None:
    table = au_metrics(_predictions(48_000, 12, True, 0.1), tuple(f"AU{n}" for n in range(12)))
    means = {name: mean_of(row) for name, row in table.items()}
    assert not any(np.isnan(value) for value in means.values())
    assert means["2afc"] == pytest.approx(0.5, abs=0.005)
    assert means["icc"] == pytest.approx(0, abs=0.01)


def _normal(count: int, dimensions: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, dimensions))


@pytest.mark.parametrize("count", [20, 200, 1000])
def test_independent_codes_correlate_at_the_chance_level(count: int) -> None:
    """A squared correlation of independent data is 1 / (N - 1) on average; 3600 pairs of dimensions
    are averaged, with a relative error of about sqrt(2 / 3600) = 2.4 %.
    """
    chance = cross_correlation(_normal(count, 60), _normal(count, 60, 1))
    assert chance == pytest.approx(1 / (count - 1), rel=0.1)


def test_cross_correlation_is_the_mean_over_all_pairs_of_dimensions() -> None:
    z1 = _normal(50, 3)
    z2 = np.column_stack([z1[:, 0] + _normal(50, 1, 1)[:, 0], _normal(50, 1, 2)[:, 0]])
    pairs = [np.corrcoef(a, b)[0, 1] ** 2 for a in z1.T for b in z2.T]
    assert cross_correlation(z1, z2) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("scale", "shift"), [(1, 0), (-1, 0), (1e-6, 0), (1e6, -3), (-0.1, 1000)], ids=str
)
def test_cross_correlation_does_not_depend_on_scale_sign_and_offset(
    scale: float, shift: float
) -> None:
    z = _normal(100, 1)
    assert cross_correlation(z, scale * z + shift) == pytest.approx(1)
    z1, z2 = _normal(100, 4), _normal(100, 5, 1) + _normal(100, 1)
    expected = cross_correlation(z1, z2)
    assert cross_correlation(scale * z1 + shift, z2) == pytest.approx(expected)
    assert cross_correlation(z1, scale * z2 + shift) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -0.7, float(np.float32(0.1)), 1e6 / 3])
@pytest.mark.parametrize("count", [7, 100, 999])
@pytest.mark.filterwarnings("error")
def test_dimensions_that_do_not_vary_are_left_out(value: float, count: int) -> None:
    """Dead units are constants, whose mean is rarely exact."""
    z, constant = _normal(count, 2), np.full((count, 1), value)
    expected = cross_correlation(z, z[:, ::-1])
    assert cross_correlation(np.hstack([z, constant]), z) == pytest.approx(expected)
    assert cross_correlation(np.hstack([z, constant]), np.hstack([z, constant])) == pytest.approx(
        expected
    )
    assert np.isnan(cross_correlation(z, constant))
    assert np.isnan(cross_correlation(constant, constant))


@pytest.mark.parametrize(
    ("z1", "z2"),
    [
        (_normal(1, 2), _normal(1, 2)),
        (_normal(5, 0), _normal(5, 2)),
        (_normal(5, 2), _normal(5, 0)),
        (_normal(0, 2), _normal(0, 2)),
    ],
    ids=["one frame", "no z1", "no z2", "no frames"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_cross_correlation_of_nothing_is_undefined(z1: Array, z2: Array) -> None:
    assert np.isnan(cross_correlation(z1, z2))


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        (np.array([[0.0, 5], [2, 5]]), 0.5),
        (np.array([[1.0, 2], [3, 6]]), 2.5),
        (np.ones((4, 3)), 0),
        (np.zeros((0, 3)), np.nan),
        (np.zeros((3, 0)), np.nan),
    ],
    ids=["one dimension varies", "both vary", "collapsed", "no frames", "no dimensions"],
)
@pytest.mark.filterwarnings("error")
def test_mean_variance_is_over_frames_then_dimensions(z: Array, expected: float) -> None:
    assert mean_variance(z) == pytest.approx(expected, nan_ok=True)


def test_mean_variance_is_in_squared_units() -> None:
    z = _normal(50, 4)
    assert mean_variance(3 * z + 7) == pytest.approx(9 * mean_variance(z))
