"""Metrics as functions of person weights, against the metrics themselves on repeated frames."""

import numpy as np
import pytest

from audetnet.evaluation.metrics import METRICS, Predictions, au_metrics
from audetnet.labels import LabelKind
from audetnet.results.estimates import MEAN, active_frames, estimates, values, worst_person
from audetnet.results.predictions import Pooled, pooled
from audetnet.results.statistics import statistics
from tests.results.made_predictions import AUS, make_predictions

OF_PROBABILITIES = {"f1", "f1_tuned", "accuracy", "2afc", "average_precision", "calibration_error"}
OF_INTENSITIES = OF_PROBABILITIES - {"calibration_error"} | {"icc", "mae", "mse", "pcc"}
KINDS = {"occurrence": OF_PROBABILITIES, "intensity": OF_INTENSITIES}


def _repeated(pool: Pooled, weights: np.ndarray) -> Predictions:
    rows = np.repeat(np.arange(len(pool.frames)), weights[pool.person].astype(int))
    parts = {n: None if v is None else v[rows] for n, v in vars(pool.predictions).items()}
    return Predictions(**parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [[1, 1, 1, 1, 1], [0, 3, 1, 0, 1], [0, 0, 5, 0, 0]], ids=str)
def test_a_weight_of_two_repeats_a_person(kind: LabelKind, weights: list[int]) -> None:
    pool = pooled([make_predictions(kind=kind)])
    pool.predictions.scores[:] = np.round(pool.predictions.scores, 1)  # ties
    found = statistics(pool.predictions, pool.person)
    assert found.keys() == KINDS[kind]
    counts = np.array(weights, dtype=np.float64)
    expected = au_metrics(_repeated(pool, counts), AUS)
    for name, statistic in found.items():
        np.testing.assert_allclose(
            statistic(counts), list(expected[name].values()), rtol=1e-9, err_msg=name
        )


def test_a_metric_without_a_weighted_form_is_computed_on_repeated_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from audetnet.results import statistics as module

    pool, counts = pooled([make_predictions()]), np.array([2.0, 0, 1, 1, 3])
    written = statistics(pool.predictions, pool.person)["f1"](counts)
    monkeypatch.delitem(module._WEIGHTED, "f1")
    np.testing.assert_allclose(statistics(pool.predictions, pool.person)["f1"](counts), written)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_undefined_is_nan_without_a_warning(kind: LabelKind) -> None:
    """An AU that is never active, one that never varies, and one that is unknown."""
    subset = make_predictions(kind=kind)
    subset.truth[:, 0], subset.active[:, 0], subset.outputs[:, 0] = 0, 0, 0
    subset.truth[:, 1], subset.active[:, 1] = np.nan, np.nan
    pool = pooled([subset])
    found, expected = values(pool), au_metrics(pool.predictions, AUS)
    for name in KINDS[kind]:
        for au in AUS:
            np.testing.assert_allclose(found[name][au], expected[name][au], err_msg=name)
    assert np.isnan(found["f1"]["AU1"]) and np.isnan(found["accuracy"]["AU4"])
    assert found["f1"][MEAN] == found["f1"]["AU12"]


def test_intervals_are_over_people_and_hold_the_value() -> None:
    found = estimates([pooled([make_predictions()])])
    for by_au in found.values():
        assert [*by_au] == [*AUS, MEAN]
        assert all(each.low <= each.value <= each.high for each in by_au.values())
        assert any(each.low < each.high for each in by_au.values())


def test_a_set_on_which_no_au_ever_occurs() -> None:
    subset = make_predictions()
    subset.truth[:], subset.active[:] = 0, 0
    found = estimates([pooled([subset])])
    for each in found["f1"].values():
        assert np.isnan([each.value, each.low, each.high]).all()
    assert found["accuracy"][MEAN].low < found["accuracy"][MEAN].value


def test_seeds_are_averaged() -> None:
    pools = [pooled([make_predictions(draw=draw)]) for draw in (1, 2)]
    found = estimates(pools)["2afc"]["AU4"].value
    assert found == pytest.approx(np.mean([values(pool)["2afc"]["AU4"] for pool in pools]))


@pytest.mark.parametrize("people", [1, 150], ids=["one person", "a different person each"])
def test_unknown_subjects_get_no_interval(people: int) -> None:
    pool = pooled([make_predictions(people=people, frames=150 // people)])
    assert pool.people == ("anybody",)
    for each in estimates([pool])["f1"].values():
        assert each.value > 0 and np.isnan(each.low) and np.isnan(each.high)
    assert worst_person([pool]) == {}


@pytest.mark.parametrize("metric", ["f1", "mae"])
def test_the_worst_person_is_the_one_with_the_most_noise(metric: str) -> None:
    subset = make_predictions(kind="intensity", frames=60)
    bad = [row for row, who in enumerate(subset.subjects) if who == "P13"]
    subset.outputs[bad] = subset.outputs[bad][::-1]
    worst = worst_person([pooled([subset])])[metric]
    assert worst.who == "P13"
    everyone = values(pooled([subset]))[metric][MEAN]
    assert worst.value > everyone if METRICS[metric].is_error else worst.value < everyone


def test_active_frames_are_counted() -> None:
    subset = make_predictions()
    assert active_frames(pooled([subset]))["AU4"] == int((subset.active[:, 1] == 1).sum())
