"""Subjects and AUs of any name, through every script and file of csv."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.ids import IdFiles, read_ids, write_ids
from audetnet.data.metadata import Metadata, subjects_of
from audetnet.data.tables import read_labels, write_labels
from audetnet.files.csv import read_csv, write_csv
from audetnet.training.records import result_csv
from create_dataset import balance, check, csv_labels, splits
from create_dataset.balancing import figures

PEOPLE = {"a": "Smith, John", "b": 'O"Neil', "c": "=cmd", "-d": "two  words", "@e": "é; x"}
"""Subject by the first part of its frames' ids."""
FRAMES = 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What csv_labels makes of images of these people."""
    rows: list[list[str | float]] = [["path", "who", "AU1", "AU2"]]
    generator = np.random.default_rng(0)
    for person, subject in PEOPLE.items():
        for number in range(FRAMES):
            path = tmp_path / f"{person}_{number}.png"
            Image.fromarray(generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
            rows.append([path.name, subject, number, number % 2])
    write_csv(tmp_path / "labels.csv", rows)
    out = tmp_path / "mine"
    assert csv_labels.main([str(tmp_path / "labels.csv"), str(out), "--subject-column", "who"]) == 0
    return out


def test_awkward_subjects_go_all_the_way(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, folds, check, balance and what training reads."""
    assert splits.main([str(data), "--k", "5", "--validation", "1"]) == 0
    assert check.main([str(data)]) == 0
    monkeypatch.setattr(figures, "balance_figures", lambda *_: {})
    assert balance.main([str(data), "--fold", "1", "--sampling-size", "1"]) == 0
    tested = []
    for fold in ("1", "2", "3", "4", "5"):
        dataset = load_dataset(
            DatasetPaths(directory=data, ids=IdFiles().of_fold(fold)), regress=True
        )
        assert dataset.notes == ()
        for part in dataset.sets():
            assert part.subjects == tuple(PEOPLE[name.split("_")[0]] for name in part.ids)
        tested += dataset.test.ids
        assert set(dataset.test.subjects).isdisjoint(dataset.train.subjects)
    assert sorted(tested) == sorted(f"{p}_{n}" for p in PEOPLE for n in range(FRAMES))
    drawn = read_ids(data / "folds/1/balance/balanced_train_ids.csv")
    assert set(drawn) <= set(read_ids(data / "folds/1/train_ids.csv"))


def test_a_subject_with_a_comma_can_be_named(data: Path) -> None:
    assert splits.main([str(data), "--test-subjects", '"Smith, John",=cmd']) == 0
    ids = read_ids(data / "test_ids.csv")
    assert {PEOPLE[name.split("_")[0]] for name in ids} == {"Smith, John", "=cmd"}


@pytest.mark.parametrize("name", ["subjects.csv", "aus.csv"])
def test_no_cell_begins_as_a_formula(data: Path, name: str) -> None:
    with (data / name).open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert cells and not [cell for cell in cells if cell[:1] in tuple("=+-@")]


@pytest.mark.parametrize("subject", ["up/down", ".."])
def test_a_fold_is_never_written_elsewhere(
    data: Path, subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_csv(data / "subjects.csv")
    write_csv(data / "subjects.csv", [[f, subject if w == "=cmd" else w] for f, w in rows])
    before = set(data.parent.rglob("*"))
    assert splits.main([str(data), "--leave-one-subject-out"]) == 2
    assert f"fold '{subject}'" in capsys.readouterr().err
    assert set(data.parent.rglob("*")) == before


NAMES = ("AU1, inner", "AU2\nouter", "=AU4", 'the "5"')


def test_au_names_in_results(tmp_path: Path) -> None:
    """And every number in full."""
    numbers = dict(zip(NAMES, (0.1, 1 / 3, None, 1e-20), strict=True))
    text = result_csv({"au": {"f1": numbers, "2afc": numbers}, "mean": {"f1": 0.2, "2afc": None}})
    (tmp_path / "results.csv").write_text(text)
    header, *rows = read_csv(tmp_path / "results.csv")
    assert header == ["au", "f1", "2afc"]
    shown = {name: "" if n is None else repr(n) for name, n in numbers.items()}
    assert rows == [*([name, n, n] for name, n in shown.items()), ["mean", "0.2", ""]]


def test_names_and_ids_of_the_au_table(tmp_path: Path) -> None:
    values = np.array([[0, 0.1, np.nan, 5], [1, 2, 3, 2.5]], dtype=np.float32)
    path = write_labels(tmp_path, ["=a", "b"], values, NAMES, "csv")
    table = read_labels(path, None)
    assert table.names == NAMES
    np.testing.assert_array_equal(np.stack([table.rows["=a"], table.rows["b"]]), values)
    assert path.read_text().endswith("'=a,0,0.1,,5\nb,1,2,3,2.5\n")


@pytest.mark.parametrize("frame", ["=a", "-a", "+a", "@a", "a b"])
def test_lists_of_ids(tmp_path: Path, frame: str) -> None:
    write_ids(tmp_path / "ids.csv", [frame, "b"])
    assert read_ids(tmp_path / "ids.csv") == [frame, "b"]
    assert not (tmp_path / "ids.csv").read_text().startswith(tuple("=+-@"))


def test_subjects_as_spreadsheets_write_them(tmp_path: Path) -> None:
    text = '\ufeffframe,subject\r\na,"Smith, John"\r\nb,\'=cmd\r\n'
    (tmp_path / "subjects.csv").write_bytes(text.encode())
    found = subjects_of(["a", "b"], tmp_path, Metadata(subjects="subjects.csv"))
    assert found == ["Smith, John", "=cmd"]


@pytest.mark.parametrize(
    ("rows", "flags"),
    [
        ([["id", "who", "AU1"], ["a_1", "x", 0], ["a_2", "y", 1]], ["--subject-column", "who"]),
        ([["id", "AU1"], ["a", 0], ["b", 1]], []),
    ],
    ids=["a column", "from the ids"],
)
def test_subjects_that_all_differ_are_pointed_out(
    tmp_path: Path, rows: list, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "labels.csv", rows)
    out = tmp_path / "out"
    assert csv_labels.main([str(tmp_path / "labels.csv"), str(out), *flags]) == 0
    assert "each of the 2 frames has its own subject" in capsys.readouterr().err
    assert splits.main([str(out), "--test", "0.5"]) == 0
    assert "each of the 2 frames has its own subject" in capsys.readouterr().err
    metadata = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps({**metadata, "subjects": None}))
    shared = [["id", "AU1"], ["a_1", 0], ["a_2", 1], ["b_1", 1]]
    write_csv(tmp_path / "labels.csv", shared)
    assert csv_labels.main([str(tmp_path / "labels.csv"), str(tmp_path / "other")]) == 0
    assert "its own subject" not in capsys.readouterr().err
