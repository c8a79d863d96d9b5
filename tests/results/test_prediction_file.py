"""predictions.parquet and .csv: round trips, and one line for broken files."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audetnet.errors import UserError
from audetnet.files.csv import read_csv, write_csv
from audetnet.results.prediction_file import read_predictions, write_predictions
from audetnet.results.predictions import PredictionSet
from tests.results.made_predictions import make_predictions


@pytest.fixture(params=["parquet", "csv"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "csv":
        find = importlib.util.find_spec
        monkeypatch.setattr(
            "audetnet.results.prediction_file.find_spec",
            lambda name: None if name == "pyarrow" else find(name),
        )
    return str(request.param)


def _same(one: PredictionSet, other: PredictionSet) -> None:
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


def test_round_trip(tmp_path: Path, kind: str) -> None:
    folds = [
        make_predictions("1"),
        make_predictions("2", kind="intensity"),
        replace(make_predictions("3"), tuned=None),
    ]
    path = write_predictions(tmp_path, folds)
    assert path.name == f"predictions.{kind}"
    for one, other in zip(folds, read_predictions(tmp_path), strict=True):
        _same(one, other)


def test_a_dataset_has_its_name_and_no_seed(tmp_path: Path, kind: str) -> None:
    subset = replace(make_predictions("=disfa", seed=None), subjects=("=SUM(A1)",) * 150)
    write_predictions(tmp_path, [subset])
    (read,) = read_predictions(tmp_path)
    _same(subset, read)


def test_the_file_of_the_other_format_is_deleted(tmp_path: Path, kind: str) -> None:
    other = tmp_path / ("predictions.csv" if kind == "parquet" else "predictions.parquet")
    other.write_text("old")
    write_predictions(tmp_path, [make_predictions()])
    assert not other.exists()


def test_a_frame_that_is_predicted_twice_within_a_seed_is_an_error(tmp_path: Path) -> None:
    one = make_predictions("1")
    write_predictions(tmp_path, [one, replace(one, part="2")])
    with pytest.raises(UserError, match="frames predicted twice within a seed: P10_0, P10_1, "):
        read_predictions(tmp_path)
    write_predictions(tmp_path, [one, replace(one, seed=1)])
    assert len(read_predictions(tmp_path)) == 2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: [row[:-1] for row in rows], "no column labels"),
        (lambda rows: rows[:-1], "some frames lack a row for some AU"),
        (lambda rows: [*rows[:-1], [*rows[-1][:5], "high", *rows[-1][6:]]], "column truth"),
    ],
    ids=["a column is missing", "a row is missing", "no number"],
)
def test_a_file_that_was_changed_is_a_line(
    tmp_path: Path,
    spoil: "object",
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audetnet.results.prediction_file.find_spec", lambda _: None)
    path = write_predictions(tmp_path, [make_predictions(people=2, frames=2)])
    rows = read_csv(path)
    assert callable(spoil)
    write_csv(path, spoil(rows))
    with pytest.raises(UserError, match=message):
        read_predictions(tmp_path)


def test_a_folder_without_one_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no predictions\.parquet or predictions\.csv"):
        read_predictions(tmp_path)
