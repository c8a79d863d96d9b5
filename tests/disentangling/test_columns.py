"""What stands beside the run: codes less the person's median, erased ones, outputs, labels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from audetnet.config.reader import read_config
from audetnet.data.frames import FrameSet
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.columns import ColumnData, Request, columns_of, erased, minus_median
from audetnet.disentangling.expressions import find_expressions
from audetnet.disentangling.measures import aus, dependence, info_nce, person, redundancy
from audetnet.disentangling.trained_run import TrainedRun
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY
from tests.disentangling.made_codes import made_data, own_networks
from tests.pages import REPORT_COLUMNS

PEOPLE, FRAMES, AUS, Z1 = 3, 4, 12, 16


def _medians(codes: Codes) -> Array:
    return np.array([np.median(codes.z1[codes.person == one], axis=0) for one in range(12)])


def _values(measure: Callable[[ColumnData], object], subject: ColumnData) -> dict[str, float]:
    cells = measure(subject).cells  # type: ignore[attr-defined]
    return {key: cell.value for key, cell in cells.items() if isinstance(cell, Estimate)}


def test_less_the_median_nothing_of_a_person_stands_still() -> None:
    subject = made_data("confounded")
    (found,) = minus_median(subject)
    for before, after in ((subject.train, found.train), (subject.test, found.test)):
        np.testing.assert_allclose(_medians(after), 0, atol=1e-12)
        moved = before.z1 - after.z1
        np.testing.assert_allclose(moved, _medians(before)[before.person], atol=1e-12)
        assert after.z2 is before.z2
    key = "same_person_z1"
    assert _values(person.measure, subject)[key] > 0.6
    assert _values(person.measure, found)[key] == pytest.approx(0.5, abs=0.02)
    assert (found.blocks, found.run, found.column.kind) == (("z1",), None, "median")


def test_changed_pictures_are_taken_against_the_unchanged_ones() -> None:
    """Of some of the frames, and of some of the people."""
    subject = made_data("confounded")
    rows = np.flatnonzero(subject.test.person >= 5)[::7]
    few = subject.test.take(rows)
    brighter = replace(few, z1=few.z1 + 3)
    factors = replace(subject.factors[0], codes=brighter, values=subject.factors[0].values[rows])
    (found,) = minus_median(replace(subject, factors=(factors,)))
    np.testing.assert_allclose(found.factors[0].codes.z1, found.test.z1[rows] + 3, atol=1e-12)


def test_without_subjects_there_is_no_median() -> None:
    subject = made_data("linear", people=3, frames=20)
    count = len(subject.train)
    alone = replace(subject.train, people=tuple(map(str, range(count))), person=np.arange(count))
    assert list(minus_median(replace(subject, train=alone))) == []
    assert list(minus_median(replace(subject, test=alone))) == []


def test_only_what_differs_is_measured_less_the_median() -> None:
    """Within a person dependence is the run's: the person's mean is subtracted either way."""
    subject = made_data("confounded", people=6, frames=40)
    (found,) = minus_median(subject)
    for module in (dependence, redundancy, info_nce):
        keys = _values(module.measure, found).keys()
        assert keys == {row.key for row in module.ROWS if "within" not in row.key}
    whole = replace(found, scopes=("pooled", "within"))
    for module, key in ((dependence, "dcor_within"), (redundancy, "redundancy_z1_z2_within")):
        ours, runs = (_values(module.measure, one) for one in (whole, subject))
        assert ours[key] == pytest.approx(runs[key], abs=1e-9)
    assert set(_values(aus.measure, found)) == {
        *("au_z1_linear_auc", "au_z1_linear_f1", "au_z1_rbf_auc", "au_z1_rbf_f1"),
    }


def test_a_linear_leak_is_erased_for_people_never_seen() -> None:
    subject = made_data("linear")
    (found,) = erased(subject)
    train = found.train
    known = subject.train.imputed_labels()
    covariance = (train.z2 - train.z2.mean(axis=0)).T @ (known - known.mean(axis=0)) / len(train)
    assert np.abs(covariance).max() < 1e-8
    assert found.test.z1 is subject.test.z1
    np.testing.assert_array_equal(found.factors[0].codes.z2, found.test.z2)
    key = "au_z2_linear_auc"
    assert _values(aus.measure, subject)[key] > 0.8
    assert _values(aus.measure, found)[key] == pytest.approx(0.5, abs=0.08)
    assert (found.blocks, found.run, found.column.kind) == (("z2",), None, "erased")


def test_unknown_labels_are_erased_at_their_mean() -> None:
    subject = made_data("linear", people=3, frames=40)
    labels = subject.train.labels.copy()
    labels[::3, 0], labels[:, 1] = np.nan, np.nan
    train = replace(subject.train, labels=labels)
    filled = train.imputed_labels()
    np.testing.assert_allclose(filled[::3, 0], np.nanmean(labels[:, 0]))
    np.testing.assert_array_equal(filled[:, 1], 0)
    np.testing.assert_array_equal(filled[:, 2:], labels[:, 2:])
    (found,) = erased(replace(subject, train=train))
    assert np.isfinite(found.test.z2).all()


def test_without_z2_nothing_is_erased() -> None:
    subject = made_data("linear", people=3, frames=20)
    assert list(erased(replace(subject, train=replace(subject.train, z2=np.zeros((60, 0)))))) == []


def _run(edited_cfg: Callable[..., Path]) -> TrainedRun:
    config = read_config(edited_cfg(), VOCABULARY)
    model = build_model(plan_model(config, (64, 64)), config.data, 0).eval()
    numbers = np.random.default_rng(0)
    subjects = tuple(f"P{row // FRAMES}" for row in range(PEOPLE * FRAMES))
    ids = tuple(f"{who}_{row}" for row, who in enumerate(subjects))
    frames = FrameSet(
        name="test",
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=subjects,
        labels=3 * (numbers.random((len(ids), AUS)) < 0.4).astype(np.float32),
    )
    pixels = numbers.integers(256, size=(len(ids), 3, 64, 64), dtype=np.uint8)
    with torch.no_grad():
        code = Code(model.encode(torch.from_numpy(pixels) / 255).whole, Z1)
    return TrainedRun(
        name="run",
        config=config,
        model=model,
        head=AUHead("BCEWithLogits", False, 2.0),
        device=torch.device("cpu"),
        active_from=2.0,
        train=frames,
        test=frames,
        train_code=code,
        test_code=code,
        test_pixels=pixels,
    )


def test_the_columns_and_the_outputs_of_the_run(edited_cfg: Callable[..., Path]) -> None:
    run = _run(edited_cfg)
    request = Request(
        run=run,
        untrained=replace(run, name="untrained"),
        compared=(),
        au_names=tuple(f"AU{number}" for number in range(AUS)),
        factors=None,
        expressions=find_expressions(run.test, {}),
        networks=own_networks(AUS, PEOPLE),
        seed=0,
        notes=(),
    )
    subjects = {subject.column.name: subject for subject in columns_of(request)}
    assert list(subjects) == [
        "run",
        "z2 permuted",
        "z2 perm. in person",
        "person median subtracted",
        "z2 erased (LEACE)",
        "untrained",
        "own AU outputs",
        "true AU labels",
    ]
    assert all(name in REPORT_COLUMNS for name in subjects if name != "run")
    outputs, own = subjects["own AU outputs"], subjects["run"]
    with torch.no_grad():
        expected = run.model.predict(run.test_code).sigmoid().double().numpy()
        changed = run.model.predict(run.augmented(0).code).sigmoid().double().numpy()
    np.testing.assert_allclose(outputs.test.z1, expected, atol=1e-6)
    np.testing.assert_allclose(outputs.factors[0].codes.z1, changed, atol=1e-6)
    assert np.abs(changed - expected).max() > 1e-4
    assert outputs.test.z2.shape == (PEOPLE * FRAMES, 0) and outputs.blocks == ("z1",)
    np.testing.assert_allclose(own.predictions, expected, atol=1e-6)
    np.testing.assert_array_equal(subjects["true AU labels"].predictions, own.test.labels)
    for name in ("z2 permuted", "z2 erased (LEACE)", "own AU outputs"):
        assert subjects[name].predictions is None, name
    np.testing.assert_array_equal(outputs.test.labels, own.test.labels)
    np.testing.assert_array_equal(outputs.factors[0].values, own.factors[0].values)


def test_what_a_person_always_shows_does_not_change_predictions_less_the_median(
    edited_cfg: Callable[..., Path],
) -> None:
    """Of the test people; the training people keep the level that the AUPredictor knows."""
    run = _run(edited_cfg)
    person = torch.arange(PEOPLE).repeat_interleave(FRAMES)
    marks = torch.randn(PEOPLE, *run.test_code.z1.shape[1:], generator=torch.manual_seed(0))
    moved = Code.of(run.test_code.z1 + marks[person], run.test_code.z2)
    marked = replace(run, test_code=moved)
    found = run.predictions_minus_median()
    np.testing.assert_allclose(marked.predictions_minus_median(), found, atol=1e-5)
    assert np.abs(run.predictions(moved) - run.predictions(run.test_code)).max() > 1e-2
    level = replace(run, train_code=moved).predictions_minus_median()
    assert np.abs(level - found).max() > 1e-3


def test_true_labels_are_on_the_scale_of_predictions(edited_cfg: Callable[..., Path]) -> None:
    run = _run(edited_cfg)
    run.test.labels[0, 0], run.test.labels[1, 1] = np.nan, 3
    regressing = replace(run, head=AUHead("MSE", True, 2.0))
    for each, active in ((run, 1), (regressing, 3)):
        labels = each.labels_as_predictions()
        assert np.isnan(labels[0, 0]) and labels[1, 1] == active
        assert set(labels[~np.isnan(labels)].tolist()) == {0, active}
