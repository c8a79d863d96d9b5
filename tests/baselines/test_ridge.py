"""A ridge baseline on made-up features: what an AU adds, and who is in the frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.baselines.method import MEAN, PLAIN, Method, over_people
from audetnet.baselines.ridge import medians, ridge_method
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.neutral_frames import NeutralFrames
from audetnet.errors import UserError
from audetnet.labels import LabelKind

AUS, WIDTH, FRAMES = 2, 6, 30
NAMES = ("AU1", "AU2")


def _frames(name: str, people: int, seed: int, values: tuple[float, ...]) -> FrameSet:
    numbers = np.random.default_rng(seed)
    subjects = np.repeat([f"{name}{person}" for person in range(people)], FRAMES)
    ids = tuple(f"{subject}_{row}" for row, subject in enumerate(subjects))
    labels = numbers.choice(values, (len(ids), AUS), p=(0.7, 0.2, 0.1)).astype(np.float32)
    return FrameSet(
        name=name,
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=tuple(subjects.tolist()),
        labels=labels,
    )


def _read(frames: FrameSet, rows: np.ndarray) -> Tensor:
    """The AUs, mixed, beside what the person always shows."""
    numbers = np.random.default_rng(7)
    mixed = np.nan_to_num(frames.labels[rows]) @ numbers.normal(size=(AUS, WIDTH))
    own = [np.random.default_rng(list(frames.subjects[row].encode())) for row in rows]
    offsets = np.stack([each.normal(0, 2, WIDTH) for each in own])
    noise = np.random.default_rng(0).normal(0, 0.1, (len(frames), WIDTH))[rows]
    return torch.from_numpy((mixed + offsets + noise).astype(np.float32))[:, :, None, None]


def _data(kind: LabelKind = "intensity", validation: bool = False) -> Dataset:
    values = (0.0, 2.0, 4.0) if kind == "intensity" else (0.0, 1.0, 1.0)
    return Dataset(
        train=_frames("train", 6, 0, values),
        test=_frames("test", 5, 1, values),
        validation=_frames("validation", 3, 2, values) if validation else None,
        au_names=NAMES,
        kind=kind,
        active_from=2.0 if kind == "intensity" else 1.0,
        notes=(),
    )


def _value(method: Method, data: Dataset, metric: str, reference: str = PLAIN) -> float:
    statistics = method.statistics(reference, data.test, NAMES)
    return over_people(statistics[metric, MEAN], data.test, 0).value


def test_what_is_always_there_is_taken_off() -> None:
    data = _data()
    method = ridge_method("made", _read, data, 0)
    assert method.tuned_on == "held-out training people"
    assert list(method.by_reference) == [PLAIN, "5", "20", "all"]
    plain, calibrated = (_value(method, data, "auc", key) for key in (PLAIN, "all"))
    assert 0.5 < plain < 0.9
    assert calibrated > 0.97
    assert _value(method, data, "f1", "all") > 0.85
    assert _value(method, data, "icc", "all") > _value(method, data, "icc")
    assert 0 < _value(method, data, "mae", "all") < 1.5


def test_thresholds_come_from_people_left_out_not_from_fitted_ones() -> None:
    """Predictions of people who were fitted would be near their labels, whoever they are."""
    data = _data()
    method = ridge_method("made", _read, data, 0)
    tuning = method.by_reference[PLAIN].tuning
    assert tuning.shape == data.train.labels.shape
    errors = np.sqrt(np.mean((tuning - data.train.labels / 5) ** 2))
    test = method.by_reference[PLAIN].test
    unseen = np.sqrt(np.mean((test - data.test.labels / 5) ** 2))
    assert 0.5 < errors / unseen < 2


def test_validation_people_are_taken_where_there_are_some() -> None:
    data = _data(validation=True)
    method = ridge_method("made", _read, data, 0)
    assert method.tuned_on == "validation people"
    assert data.validation is not None
    assert method.tuning_labels.shape == data.validation.labels.shape
    assert len(method.by_reference["5"].tuning) == len(data.validation)


def test_a_reference_shifts_a_persons_outputs_by_one_number_to_the_training_level() -> None:
    data = _data()
    scores = ridge_method("made", _read, data, 0).by_reference
    shift = (scores["all"].test - scores[PLAIN].test).reshape(5, FRAMES, AUS)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:, :1], shift.shape), atol=1e-12)
    level = medians(scores["all"].test, data.test, NeutralFrames(), 0)
    np.testing.assert_allclose(level, np.broadcast_to(level[:1], level.shape), atol=1e-12)
    rest = medians(scores[PLAIN].tuning, data.train, NeutralFrames(), 0).mean(axis=0)
    np.testing.assert_allclose(level[0], rest)


def test_occurrences_have_no_intensities() -> None:
    data = _data("occurrence")
    method = ridge_method("made", _read, data, 0)
    metrics = {metric for metric, _ in method.statistics(PLAIN, data.test, NAMES)}
    assert metrics == {"auc", "f1", "f1_fixed"}


def test_unknown_labels_are_ignored() -> None:
    data = _data()
    labels = data.train.labels.copy()
    labels[::2, 0] = np.nan
    labels[:3] = np.nan
    method = ridge_method("made", _read, replace(data, train=replace(data.train, labels=labels)), 0)
    assert len(method.tuning_labels) == len(labels) - 3
    assert np.isnan(method.by_reference["all"].tuning).sum() == np.isnan(labels[3:]).sum()
    assert _value(method, data, "f1", "all") > 0.85


def test_strangers_by_frame_have_no_references_and_no_interval() -> None:
    data = _data()
    test = replace(data.test, subjects=tuple(data.test.ids))
    data = replace(data, test=test)

    def read(frames: FrameSet, rows: np.ndarray) -> Tensor:
        return _read(_data().test if frames is test else frames, rows)

    method = ridge_method("made", read, data, 0)
    assert list(method.by_reference) == [PLAIN]
    estimate = over_people(method.statistics(PLAIN, test, NAMES)["auc", MEAN], test, 0)
    assert estimate.value > 0.5 and np.isnan(estimate.low)


def test_one_training_person_is_a_line() -> None:
    data = _data()
    train = replace(data.train, subjects=("ann",) * len(data.train))
    with pytest.raises(UserError, match="the training frames are of one person"):
        ridge_method("made", _read, replace(data, train=train), 0)
