"""Probes read out what is there, on people that they were not fitted on."""

import numpy as np
import pytest

from audetnet.disentangling.block_metrics import held_out_r2, macro_auc
from audetnet.disentangling.early_stopping import split_people
from audetnet.disentangling.probes import au_scores, person_folds, predict_person, regression
from audetnet.disentangling.separable_critic import PAIRS_WITHIN, random_batches
from tests.disentangling.made_codes import made_data

PEOPLE, FRAMES = 9, 80
PERSON = np.repeat(np.arange(PEOPLE), FRAMES)
ONES = np.ones(PEOPLE)


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("people", [2, 3, 9])
def test_folds_read_out_every_frame_once_and_split_no_person(people: int) -> None:
    person = PERSON[people > PERSON]
    folds = person_folds(person, 5)
    assert len(folds) == min(people, 5)
    read = np.concatenate([held_out for _, held_out in folds])
    np.testing.assert_array_equal(np.sort(read), np.arange(len(person)))
    for rows, held_out in folds:
        assert not set(person[rows]) & set(person[held_out])


def test_the_non_linear_probe_sees_what_the_linear_one_cannot(
    numbers: np.random.Generator,
) -> None:
    """The AU is active where the size of a hidden value is large; its sign is drawn."""
    size = numbers.normal(size=(len(PERSON), 1))
    labels = (np.abs(size) > 1).astype(np.float64)
    z = 2 * size @ numbers.normal(size=(1, 10)) + numbers.normal(size=(len(PERSON), 10))
    linear, rbf = (
        macro_auc(au_scores(z, labels, PERSON, non_linear), labels, PERSON)(ONES)
        for non_linear in (False, True)
    )
    assert linear == pytest.approx(0.5, abs=0.1)
    assert rbf > 0.85


def test_unknown_labels_and_aus_of_one_class(numbers: np.random.Generator) -> None:
    """An AU without active frames has no scores; unknown labels take no part."""
    z = numbers.normal(size=(len(PERSON), 6))
    labels = (z[:, :3] > 0.5).astype(np.float64)
    labels[:, 1] = 0
    labels[::3, 2] = np.nan
    scores = au_scores(z, labels, PERSON, non_linear=False)
    assert macro_auc(scores[:, [0, 2]], labels[:, [0, 2]], PERSON)(ONES) > 0.95
    np.testing.assert_array_equal(scores[:, 1], 0)
    assert np.isfinite(scores).all()


def test_an_au_of_one_person_is_not_learnt_from_that_person(numbers: np.random.Generator) -> None:
    """Active in one person only: its fold is fitted without any active frame."""
    z = numbers.normal(size=(len(PERSON), 4))
    labels = (PERSON == 0)[:, None] * numbers.integers(2, size=(len(PERSON), 1)) * 1.0
    scores = au_scores(z, labels, PERSON, non_linear=False)
    assert (scores[PERSON == 0] == 0).all()


@pytest.mark.parametrize("kernel", [False, True])
def test_regression_on_other_people(numbers: np.random.Generator, kernel: bool) -> None:
    z = numbers.normal(size=(len(PERSON), 5))
    targets = np.stack([z[:, 0] - 2 * z[:, 1], numbers.normal(size=len(PERSON))], axis=1)
    predicted, means = regression(z, targets, PERSON, kernel)
    known, unknown = (
        held_out_r2(predicted[:, i], targets[:, i], means[:, i], PERSON)(ONES) for i in range(2)
    )
    assert known > 0.9
    assert -0.1 < unknown < 0.05
    fold = person_folds(PERSON, 5)[0]
    np.testing.assert_allclose(means[fold[1]], targets[fold[0]].mean(axis=0)[None].repeat(160, 0))


def test_one_penalty_for_all_targets(numbers: np.random.Generator) -> None:
    z = numbers.normal(size=(len(PERSON), 5))
    predicted, means = regression(z, 100 * z[:, :3], PERSON, kernel=False, shared_penalty=True)
    assert held_out_r2(predicted, 100 * z[:, :3], means, PERSON)(ONES) > 0.99


def test_identity_is_read_out_in_other_stretches_of_time(numbers: np.random.Generator) -> None:
    """What marks a moment marks no person."""
    block = np.tile(np.arange(FRAMES) * 5 // FRAMES, PEOPLE)
    traits = numbers.normal(size=(PEOPLE, 8))[PERSON]
    moments = numbers.normal(size=(PEOPLE, 5, 8))[PERSON, block]
    noise = 0.3 * numbers.normal(size=(len(PERSON), 8))
    assert (predict_person(traits + noise, PERSON, block) == PERSON).mean() > 0.95
    assert (predict_person(moments + noise, PERSON, block) == PERSON).mean() < 0.35


def test_the_people_who_choose_the_epoch_teach_nothing() -> None:
    codes = made_data("linear", people=6, frames=20).test
    rows, apart = split_people(codes)
    assert len(rows) + len(apart) == len(codes) and len(apart)
    assert not set(codes.person[rows]) & set(codes.person[apart])
    alone = codes.take(np.arange(20))
    rows, apart = split_people(alone)
    np.testing.assert_array_equal(apart, np.arange(4))


@pytest.mark.parametrize("within", [False, True])
def test_batches_of_pairs_hold_every_frame(numbers: np.random.Generator, within: bool) -> None:
    rows = np.flatnonzero(PERSON != 3)
    batches = list(random_batches(PERSON, rows, within, numbers))
    assert set(np.concatenate(batches)) == set(rows)
    assert len({len(batch) for batch in batches}) == 1
    for batch in batches:
        assert len(set(batch)) == len(batch)
        if within:
            assert len(set(PERSON[batch])) == 1 and len(batch) == PAIRS_WITHIN
