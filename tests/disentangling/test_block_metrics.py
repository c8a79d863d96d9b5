"""What blocks know: every metric against its definition, spelt out or taken from scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score, roc_auc_score

from audetnet.disentangling.block_metrics import (
    balanced_accuracy,
    held_out_r2,
    info_nce,
    leak_ratio,
    macro_auc,
    macro_f1,
    pair_auc,
    relative_error,
    same_person_auc,
    standardised,
)

PEOPLE, FRAMES, AUS = 4, 50, 3
PERSON = np.repeat(np.arange(PEOPLE), FRAMES)
ONES = np.ones(PEOPLE)


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def labels(numbers: np.random.Generator) -> np.ndarray:
    return (numbers.random((PEOPLE * FRAMES, AUS)) < 0.3).astype(float)


def test_macro_auc_is_that_of_scikit_learn(
    numbers: np.random.Generator, labels: np.ndarray
) -> None:
    scores = (labels + numbers.normal(size=labels.shape)).round(1)
    expected = np.mean([roc_auc_score(labels[:, au], scores[:, au]) for au in range(AUS)])
    assert macro_auc(scores, labels, PERSON)(ONES) == pytest.approx(expected)


def test_macro_auc_of_people_drawn_again(numbers: np.random.Generator, labels: np.ndarray) -> None:
    """Weights are copies: the statistic is that of the frames repeated as often."""
    scores = labels + numbers.normal(size=labels.shape)
    weights = np.array([2, 0, 1, 1])
    rows = np.repeat(np.arange(len(PERSON)), weights[PERSON])
    expected = np.mean([roc_auc_score(labels[rows, au], scores[rows, au]) for au in range(AUS)])
    found = macro_auc(scores, labels, PERSON)(weights.astype(float))
    assert found == pytest.approx(expected)


def test_macro_auc_leaves_out_what_is_unknown(
    numbers: np.random.Generator, labels: np.ndarray
) -> None:
    scores = numbers.normal(size=labels.shape)
    labels[:, 0] = 0
    labels[:20, 1] = np.nan
    known = ~np.isnan(labels[:, 1])
    expected = np.mean(
        [
            roc_auc_score(labels[known, 1], scores[known, 1]),
            roc_auc_score(labels[:, 2], scores[:, 2]),
        ]
    )
    assert macro_auc(scores, labels, PERSON)(ONES) == pytest.approx(expected)
    assert np.isnan(macro_auc(scores[:, :1], labels[:, :1], PERSON)(ONES))


def test_macro_f1_is_that_of_scikit_learn(numbers: np.random.Generator, labels: np.ndarray) -> None:
    decisions = (numbers.random(labels.shape) < 0.4).astype(float)
    expected = f1_score(labels, decisions, average="macro")
    assert macro_f1(decisions, labels, PERSON)(ONES) == pytest.approx(expected)
    labels[:, 0] = 0
    expected = f1_score(labels[:, 1:], decisions[:, 1:], average="macro")
    assert macro_f1(decisions, labels, PERSON)(ONES) == pytest.approx(expected)


def test_f1_of_unknown_labels(labels: np.ndarray) -> None:
    decisions = labels.copy()
    labels[::2] = np.nan
    decisions[::2] = 1
    assert macro_f1(decisions, labels, PERSON)(ONES) == 1


@pytest.mark.parametrize(
    ("z2", "z1", "ratio"), [(0.5, 0.9, 0), (0.7, 0.9, 0.5), (0.9, 0.9, 1), (0.4, 0.7, -0.5)]
)
def test_leak_ratio(z2: float, z1: float, ratio: float) -> None:
    assert leak_ratio(lambda w: z2, lambda w: z1)(ONES) == pytest.approx(ratio)


def test_there_is_no_leak_of_nothing() -> None:
    assert np.isnan(leak_ratio(lambda w: 0.6, lambda w: 0.53)(ONES))


def test_held_out_r2_is_that_of_scikit_learn(numbers: np.random.Generator) -> None:
    actual = numbers.normal(size=(200, 2))
    predicted = actual + numbers.normal(size=(200, 2))
    means = np.broadcast_to(actual.mean(axis=0), actual.shape)
    expected = r2_score(actual, predicted, multioutput="variance_weighted")
    assert held_out_r2(predicted, actual, means, PERSON)(ONES) == pytest.approx(expected)
    assert held_out_r2(means, actual, means, PERSON)(ONES) == 0
    assert held_out_r2(-actual, actual, means, PERSON)(ONES) < 0
    one = held_out_r2(predicted[:, 0], actual[:, 0], means[:, 0], PERSON)(ONES)
    assert one == pytest.approx(r2_score(actual[:, 0], predicted[:, 0]))


def test_balanced_accuracy_is_that_of_scikit_learn(numbers: np.random.Generator) -> None:
    predicted = np.where(numbers.random(200) < 0.5, PERSON, numbers.integers(PEOPLE, size=200))
    expected = balanced_accuracy_score(PERSON, predicted)
    assert balanced_accuracy(predicted, PERSON)(ONES) == pytest.approx(expected)


def test_same_person_auc(numbers: np.random.Generator) -> None:
    blocks = np.tile(np.arange(FRAMES) // 10, PEOPLE)
    identity = np.eye(PEOPLE)[PERSON] + 0.1 * numbers.normal(size=(200, PEOPLE))
    assert same_person_auc(identity, PERSON, blocks)(ONES) > 0.99
    noise = numbers.normal(size=(200, 30))
    assert same_person_auc(noise, PERSON, blocks)(ONES) == pytest.approx(0.5, abs=0.02)


def test_neighbours_in_time_do_not_make_a_person(numbers: np.random.Generator) -> None:
    """A code that knows the moment only: frames of the same stretch are alike, others are not."""
    blocks = np.tile(np.arange(FRAMES) // 10, PEOPLE)
    moments = numbers.normal(size=(PEOPLE, 5, 30))[PERSON, blocks]
    code = moments + 0.1 * numbers.normal(size=(200, 30))
    assert same_person_auc(code, PERSON, blocks)(ONES) == pytest.approx(0.5, abs=0.1)
    alone = same_person_auc(code, PERSON, np.arange(200))(ONES)
    assert alone > 0.55


def test_info_nce_of_perfect_and_of_constant_scores() -> None:
    perfect = np.where(np.eye(8) == 1, 50.0, 0.0)
    np.testing.assert_allclose(info_nce(perfect), np.log(8))
    np.testing.assert_allclose(info_nce(np.zeros((8, 8))), 0, atol=1e-12)
    assert (info_nce(-perfect) < 0).all()
    np.testing.assert_allclose(info_nce(perfect + 1e4), np.log(8))


def test_info_nce_is_bounded_by_the_true_information(numbers: np.random.Generator) -> None:
    """With the optimal critic of two Gaussians correlated by 0.8: below -0.5 log(1 - 0.64), and
    near it.
    """
    x = numbers.normal(size=2000)
    y = 0.8 * x + 0.6 * numbers.normal(size=2000)
    scores = -((y[None, :] - 0.8 * x[:, None]) ** 2) / 0.72 + y[None, :] ** 2 / 2
    truth = -0.5 * np.log(1 - 0.64)
    assert truth - 0.06 < info_nce(scores).mean() < truth + 0.04


def test_pair_auc(numbers: np.random.Generator) -> None:
    np.testing.assert_array_equal(pair_auc(np.eye(5)), 1)
    np.testing.assert_array_equal(pair_auc(-np.eye(5)), 0)
    np.testing.assert_array_equal(pair_auc(np.zeros((5, 5))), 0.5)
    assert pair_auc(numbers.normal(size=(300, 300))).mean() == pytest.approx(0.5, abs=0.06)


def test_relative_error() -> None:
    statistic = relative_error(np.array([1.0, 1, 4]), np.array([2.0, 2, 4]), np.array([0, 0, 1]))
    assert statistic(np.ones(2)) == 6 / 8
    assert statistic(np.array([1.0, 0])) == 0.5
    assert np.isnan(relative_error(np.ones(2), np.zeros(2), np.array([0, 1]))(np.ones(2)))


def test_standardised_drops_what_does_not_vary(numbers: np.random.Generator) -> None:
    z = numbers.normal(3, 7, size=(100, 3))
    z[:, 1] = 4
    found = standardised(z)
    assert found.shape == (100, 2)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)
