"""dCor^2 and HSIC: as hyppo has them, and where theory says."""

import numpy as np
import pytest
from hyppo.independence import Dcorr
from scipy.stats import binomtest, kstest

from audetnet.disentangling.block_metrics import standardised
from audetnet.disentangling.matrix_correlation import (
    PERMUTATIONS,
    chi_square_p_value,
    dependence,
    distances,
    kernel_distances,
    shift_p_value,
    u_centred,
    within_person,
)
from audetnet.evaluation.metrics import Array

MATRICES = {"dcor": distances, "hsic": kernel_distances}


def _value(z1: Array, z2: Array, person: Array, statistic: str) -> float:
    a, b = (u_centred(MATRICES[statistic](z)) for z in (z1, z2))
    return dependence(a, b, person)(np.ones(int(person.max()) + 1))


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.slow
def test_the_values_are_those_of_hyppo(numbers: np.random.Generator) -> None:
    x = numbers.normal(size=(60, 5))
    y = x[:, :3] ** 2 + numbers.normal(size=(60, 3))
    person = np.repeat(np.arange(3), 20)
    expected = Dcorr(bias=False).statistic(standardised(x), standardised(y))
    assert _value(x, y, person, "dcor") == pytest.approx(expected, abs=1e-10)
    matrices = (kernel_distances(x), kernel_distances(y))
    expected = Dcorr(compute_distance=None, bias=False).statistic(*matrices)
    assert _value(x, y, person, "hsic") == pytest.approx(expected, abs=1e-10)


def test_hsic_is_that_of_its_paper(numbers: np.random.Generator) -> None:
    """The unbiased estimator of Song et al. 2012, equation 4, normalised."""
    x = numbers.normal(size=(40, 5))
    y = x[:, :3] + numbers.normal(size=(40, 3))

    def hsic(first: Array, second: Array) -> float:
        k, l = (1 - kernel_distances(z) - np.eye(40) for z in (first, second))  # noqa: E741
        ones = np.ones(40)
        sums = (ones @ k @ ones) * (ones @ l @ ones) / (39 * 38)
        return float((np.trace(k @ l) + sums - 2 / 38 * ones @ k @ l @ ones) / (40 * 37))

    expected = hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))
    found = _value(x, y, np.zeros(40, dtype=np.int64), "hsic")
    assert found == pytest.approx(expected, abs=1e-10)


def test_p_is_that_of_hyppo(numbers: np.random.Generator) -> None:
    x, y = numbers.normal(size=(50, 4)), numbers.normal(size=(50, 4))
    value, p = Dcorr(bias=False).test(standardised(x), standardised(y), auto=True)[:2]
    assert chi_square_p_value(float(value), 50) == pytest.approx(float(p), abs=1e-9)


def test_u_centring_leaves_rows_that_sum_to_zero(numbers: np.random.Generator) -> None:
    matrix = u_centred(distances(numbers.normal(size=(30, 4))))
    np.testing.assert_allclose(matrix.sum(axis=0), 0, atol=1e-10)
    np.testing.assert_array_equal(np.diag(matrix), 0)


@pytest.mark.parametrize("statistic", MATRICES)
def test_known_dependence(numbers: np.random.Generator, statistic: str) -> None:
    """Independent at 64 and 448 dimensions: 0, where plain distance correlation is 0.27; linear and
    even leaks are seen, the same block gives 1.
    """
    person = np.zeros(800, dtype=np.int64)
    latent = numbers.normal(size=(800, 12))
    z1 = latent @ numbers.normal(size=(12, 64))
    rest = numbers.normal(size=(800, 40)) @ numbers.normal(size=(40, 448))
    mixing = numbers.normal(size=(12, 448))
    assert abs(_value(z1, rest, person, statistic)) < 0.005
    assert _value(z1, rest + 0.5 * latent @ mixing, person, statistic) > 0.01
    assert _value(z1, rest + 2 * (latent**2 - 1) @ mixing, person, statistic) > 0.01
    assert _value(z1, z1, person, statistic) == pytest.approx(1)


@pytest.mark.parametrize("statistic", MATRICES)
def test_confounded_but_disentangled(numbers: np.random.Generator, statistic: str) -> None:
    """Both blocks know the person and nothing else of each other: pooled high, within person 0."""
    person = np.repeat(np.arange(10), 60)
    z1 = numbers.normal(size=(10, 8))[person] + numbers.normal(size=(600, 8))
    z2 = 2 * numbers.normal(size=(10, 20))[person] + numbers.normal(size=(600, 20))
    assert _value(z1, z2, person, statistic) > 0.1
    within = [within_person(z, person) for z in (z1, z2)]
    assert abs(_value(*within, person, statistic)) < 0.01


def _null_p(statistic: str, kind: str, seed: int) -> float:
    """p of two blocks that are independent within each person; they drift slowly."""
    numbers = np.random.default_rng(seed)
    person = np.repeat(np.arange(4), 15)
    z1, z2 = numbers.normal(size=(60, 6)), numbers.normal(size=(60, 10))
    if kind == "chi-square":
        return chi_square_p_value(_value(z1, z2, person, statistic), 60)
    a, b = (u_centred(MATRICES[statistic](within_person(z, person))) for z in (z1, z2))
    return shift_p_value(a, b, person, numbers)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", MATRICES)
def test_p_of_shifts_is_uniform_under_the_null(statistic: str) -> None:
    found = np.array([_null_p(statistic, "shift", seed) for seed in range(200)])
    assert kstest(found, "uniform").pvalue > 0.01
    assert found.min() >= 1 / (PERMUTATIONS + 1) and found.max() <= 1


@pytest.mark.parametrize("statistic", MATRICES)
def test_p_of_chi_square_keeps_its_level(statistic: str) -> None:
    """Conservative: at most 5 % below 0.05, and not far fewer than that."""
    found = np.array([_null_p(statistic, "chi-square", seed) for seed in range(400)])
    below = int((found < 0.05).sum())
    assert binomtest(below, 400, 0.05, "greater").pvalue > 0.01
    assert below >= 4


def test_slow_drift_is_no_dependence() -> None:
    """Two walks a person, independent of each other: shifts keep the level that permuted frames
    would not.
    """
    shifted, permuted = [], []
    for seed in range(60):
        numbers = np.random.default_rng(seed)
        person = np.repeat(np.arange(5), 40)
        phase = numbers.uniform(0, 2 * np.pi, size=(2, 5))[:, person]
        time = np.tile(np.arange(40) / 40 * 2 * np.pi, 5)
        blocks = [
            np.stack([np.sin(time + p), np.cos(time + p)], axis=1)
            + 0.3 * numbers.normal(size=(200, 2))
            for p in phase
        ]
        a, b = (u_centred(distances(within_person(z, person))) for z in blocks)
        shifted.append(shift_p_value(a, b, person, numbers))
        value = dependence(a, b, person)(np.ones(5))
        free = [
            dependence(a, b[np.ix_(order, order)], person)(np.ones(5))
            for order in (numbers.permutation(200) for _ in range(20))
        ]
        permuted.append(value >= max(free))
    assert np.mean(np.array(shifted) < 0.05) < 0.2
    assert np.mean(permuted) > 0.2


def test_weights_draw_people_without_pairs_of_copies(numbers: np.random.Generator) -> None:
    person = np.repeat(np.arange(3), 20)
    x = numbers.normal(size=(60, 3))
    a, b = u_centred(distances(x)), u_centred(distances(x + numbers.normal(size=(60, 3))))
    inner = np.array([[(a * b)[np.ix_(person == p, person == q)].sum() for q in range(3)]
                      for p in range(3)])  # fmt: skip
    own = np.array([[(a * a)[np.ix_(person == p, person == q)].sum() for q in range(3)]
                    for p in range(3)])  # fmt: skip
    other = np.array([[(b * b)[np.ix_(person == p, person == q)].sum() for q in range(3)]
                      for p in range(3)])  # fmt: skip
    weights = np.array([2.0, 0, 1])
    pairs = np.array([[2.0, 0, 2], [0, 0, 0], [2, 0, 1]])
    expected = (pairs * inner).sum() / np.sqrt((pairs * own).sum() * (pairs * other).sum())
    assert dependence(a, b, person)(weights) == pytest.approx(expected)


def test_within_person_leaves_every_person_a_mean_of_zero(numbers: np.random.Generator) -> None:
    person = np.array([0, 1, 1, 0, 2])
    found = within_person(numbers.normal(size=(5, 3)), person)
    for one in range(3):
        np.testing.assert_allclose(found[person == one].mean(axis=0), 0, atol=1e-12)
