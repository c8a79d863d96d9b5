"""BP4D's raw labels: occurrences by column name, intensities by folder, the older text list."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audetnet.data.metadata import read_metadata
from audetnet.data.tables import read_labels
from create_dataset.bp4d_labels import main

NAN = float("nan")
AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
HEADER = (12, 1, 99, 2, 4, 6, 7, 10, 14, 15, 17, 23, 24)
"""Columns in an order of their own, one of an AU that nobody asks for."""
INTENSITY_AUS = (6, 10, 12, 14, 17)


def occurrence(au: int, frame: int) -> int:
    """What the miniature's coder saw; AU24 was not coded in every third frame."""
    return 9 if au == 24 and frame % 3 == 0 else (au + frame) % 2


@pytest.fixture
def coding(tmp_path: Path) -> Path:
    """AUCoding with three sequences of occurrences and two of intensities."""
    root = tmp_path / "BP4D" / "AUCoding"
    (root / "AU_OCC").mkdir(parents=True)
    for sequence, frames in (("F001_T1", (643, 644)), ("F001_T8", (9,)), ("M018_T1", (2440, 2441))):
        rows = [
            ",".join(map(str, [frame, *(occurrence(au, frame) for au in HEADER)]))
            for frame in frames
        ]
        header = ",".join(map(str, ["0", *HEADER]))
        (root / "AU_OCC" / f"{sequence}.csv").write_text("\n".join([header, *rows]) + "\n")
    for au in INTENSITY_AUS:
        folder = root / "AU_INT" / f"AU{au:02d}"
        folder.mkdir(parents=True)
        (folder / f"F001_T1_AU{au:02d}.csv").write_text(f"643,{au % 6}\n0644,9\n")
        (folder / f"M018_T1_AU{au:02d}.csv").write_text(f"frame,value\n2440,{5 - au % 6}\n")
    return root


def _table(out: Path) -> dict[str, list[float]]:
    rows = read_labels(out / "aus.csv", read_metadata(out).kind).rows
    return {frame: row.tolist() for frame, row in rows.items()}


@pytest.mark.parametrize("where", [".", "AU_OCC"], ids=["AUCoding", "AU_OCC"])
def test_occurrences_are_read_by_column_name(coding: Path, tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    assert main([str(coding / where), str(out)]) == 0
    table = _table(out)
    assert list(table) == [
        *("F001_T1_0643", "F001_T1_0644", "F001_T8_0009", "M018_T1_2440", "M018_T1_2441")
    ]
    for frame, row in table.items():
        values = [occurrence(au, int(frame[-4:])) for au in AUS]
        np.testing.assert_array_equal(row, [NAN if value == 9 else value for value in values])
    assert sum(np.isnan(row).sum() for row in table.values()) == 1


def test_dataset_json_says_all_that_is_known_of_bp4d(coding: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(coding), str(out)]) == 0
    metadata = read_metadata(out)
    assert metadata.aus == tuple(f"AU{au}" for au in AUS)
    assert metadata.kind == "occurrence"
    assert metadata.folds is not None
    assert {fold: len(part) for fold, part in metadata.folds.items()} == {
        "1": 14,
        "2": 14,
        "3": 13,
    }
    subjects = sorted(subject for part in metadata.folds.values() for subject in part)
    women, men = [f"F{n:03d}" for n in range(1, 24)], [f"M{n:03d}" for n in range(1, 19)]
    assert subjects == [*women, *men]


def test_unknown_labels_are_counted(
    coding: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(coding), str(tmp_path / "out")]) == 0
    assert "AU24: 1 of 5 frames unknown" in capsys.readouterr().err


def test_other_aus_and_some_subjects(coding: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(coding), str(out), "--aus", "99,4", "--subjects", "M018"]) == 0
    assert _table(out) == {"M018_T1_2440": [1, 0], "M018_T1_2441": [0, 1]}


def test_intensities_are_joined_by_frame(coding: Path, tmp_path: Path) -> None:
    """With a header line or without."""
    out = tmp_path / "out"
    assert main([str(coding), str(out), "--intensity"]) == 0
    table = _table(out)
    assert table["F001_T1_0643"] == [au % 6 for au in INTENSITY_AUS]
    assert np.isnan(table["F001_T1_0644"]).all()
    assert table["M018_T1_2440"] == [5 - au % 6 for au in INTENSITY_AUS]
    assert len(table) == 3
    metadata = read_metadata(out)
    assert (metadata.kind, metadata.aus) == (
        "intensity",
        tuple(f"AU{au}" for au in INTENSITY_AUS),
    )


def test_a_frame_that_one_au_lacks_is_unknown_there(coding: Path, tmp_path: Path) -> None:
    (coding / "AU_INT" / "AU12" / "F001_T1_AU12.csv").write_text("643,4\n")
    out = tmp_path / "out"
    assert main([str(coding), str(out), "--intensity", "--subjects", "F001"]) == 0
    assert _table(out)["F001_T1_0643"][2] == 4
    assert np.isnan(_table(out)["F001_T1_0644"][2])


def test_the_text_list_of_older_copies(tmp_path: Path) -> None:
    listed = tmp_path / "BP4D_part1.txt"
    listed.write_text(
        "F001/T1/2440.jpg 0 1 0 1 0 1 0 1 0 1 0 9\n\nM002/T08/0007.jpg 1 1 1 1 1 1 1 1 1 1 1 1\n"
    )
    out = tmp_path / "out"
    assert main([str(listed), str(out)]) == 0
    table = _table(out)
    assert list(table) == ["F001_T1_2440", "M002_T08_0007"]
    assert table["F001_T1_2440"][:11] == [0, 1] * 5 + [0]
    assert np.isnan(table["F001_T1_2440"][11])


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(coding: Path) -> None:
        path = coding / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def _unlink(name: str) -> Callable[[Path], None]:
    return lambda coding: (coding / name).unlink()


OCC, INT = "AU_OCC/F001_T1.csv", "AU_INT/AU10/F001_T1_AU10.csv"


@pytest.mark.parametrize(
    ("damage", "flags", "message"),
    [
        (_edit(OCC, ",23,", ",22,"), [], f"{OCC}:1: no column for AU23; its columns are 0, 12, 1,"),
        (_edit(OCC, ",99,", ",AU01,"), [], f"{OCC}:1: several columns for AU1; its columns are"),
        (_edit(OCC, "\n643,", "\nx,"), [], f"{OCC}:2: expected a frame number and values, not 'x,"),
        (_edit(OCC, "\n644,", "\n643,"), [], f"{OCC}:3: frame 643 is listed twice"),
        (_edit(OCC, "643,1,", "643,2,"), [], f"{OCC}:2: value '2', expected 0 1 9 (9: unknown)"),
        (_edit(OCC, "643,1,", "643,,"), [], f"{OCC}:2: value '', expected 0 1 9 (9: unknown)"),
        (_edit(INT, "643,4", "643,6"), ["--intensity"], f"{INT}:1: value '6', expected 0 1 2 3 4"),
        (
            _unlink(INT),
            ["--intensity"],
            "AU_INT/AU10: no file for F001_T1, though other AUs have one",
        ),
    ],
    ids=[
        *("no column", "two columns", "no number", "twice", "two", "empty", "six", "no file"),
    ],
)
def test_a_fault_of_the_raw_files_is_named_and_nothing_is_written(
    coding: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    flags: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(coding)
    assert main([str(coding), str(tmp_path / "out"), *flags]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{coding}/{message}")
    assert lines[-1] == "nothing was written"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("F001/T1/1.jpg 0 1\n", ":1: expected a path such as F001/T1/2440.jpg and 12 values"),
        ("\nx.jpg" + " 0" * 12, ":2: expected a path such as F001/T1/2440.jpg and 12 values"),
        ("F001/T1/1.jpg" + " 2" * 12, ":1: value '2', expected 0 1 9"),
        (
            "F001/T1/1.jpg" + " 0" * 12 + "\nF001/T1/0001.jpg" + " 0" * 12,
            ":2: F001_T1_0001 is listed twice",
        ),
        ("", ": no lines; expected lines such as F001/T1/2440.jpg 0 1 0 ..."),
    ],
    ids=["too few", "no path", "two", "twice", "empty"],
)
def test_mistakes_in_a_text_list_name_their_line(
    tmp_path: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(content)
    assert main([str(listed), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"{listed}{message}")


def test_files_that_are_no_sequences_are_left_out_and_named(
    coding: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (coding / "AU_OCC" / "readme.txt").touch()
    assert main([str(coding), str(tmp_path / "out")]) == 0
    assert "left out 1 (files that are not sequences): " in capsys.readouterr().err
