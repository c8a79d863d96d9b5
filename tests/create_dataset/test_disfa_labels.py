"""DISFA's raw labels as they are, and with every fault they can have."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audetnet.data.metadata import read_metadata
from audetnet.data.tables import read_labels
from create_dataset.disfa_labels import main

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)


def intensity(subject: int, au: int, frame: int) -> int:
    """What the miniature's coder saw."""
    return (subject + au + frame) % 6


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """ActionUnit_Labels of two subjects, 5 and 4 frames, its files made in no order."""
    root = tmp_path / "DISFA" / "ActionUnit_Labels"
    files = [(subject, au) for subject in (1, 10) for au in AUS]
    random.Random(0).shuffle(files)
    for subject, au in files:
        folder = root / f"SN{subject:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{n},{intensity(subject, au, n - 1)}" for n in range(1, 6 if subject == 1 else 5)]
        (folder / f"SN{subject:03d}_au{au}.txt").write_text("\r\n".join(lines) + "\r\n")
    return root


def test_columns_are_in_the_order_of_the_aus_and_ids_count_from_0(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "disfa"
    assert main([str(raw), str(out)]) == 0
    table = read_labels(out / "aus.csv", None)
    assert table.names == tuple(f"AU{au}" for au in AUS)
    assert list(table.rows) == [f"SN001_{n}" for n in range(5)] + [f"SN010_{n}" for n in range(4)]
    for frame, row in table.rows.items():
        subject, number = int(frame[2:5]), int(frame[6:])
        assert row.tolist() == [intensity(subject, au, number) for au in AUS]
    assert (
        f"wrote {out / 'aus.csv'}: 9 frames, 12 AUs (intensity): AU1, " in capsys.readouterr().out
    )


def test_dataset_json_says_all_that_is_known_of_disfa(raw: Path, tmp_path: Path) -> None:
    assert main([str(raw.parent), str(tmp_path / "out")]) == 0
    metadata = read_metadata(tmp_path / "out")
    assert (metadata.kind, metadata.threshold) == ("intensity", 2)
    assert metadata.source is not None and metadata.source.startswith("DISFA")
    assert metadata.folds is not None
    assert {fold: len(part) for fold, part in metadata.folds.items()} == {"1": 9, "2": 9, "3": 9}
    assert {len(set(part)) for part in metadata.folds.values()} == {9}


def test_the_folds_of_disfa_are_its_27_subjects() -> None:
    """SN014, 15, 19, 20 and 22 do not exist."""
    metadata = read_metadata(Path(main.__code__.co_filename).parent / "disfa_dataset")
    assert metadata.folds is not None
    subjects = sorted(subject for part in metadata.folds.values() for subject in part)
    absent = {14, 15, 19, 20, 22}
    assert subjects == [f"SN{n:03d}" for n in range(1, 33) if n not in absent]


@pytest.mark.parametrize(
    ("flags", "kind", "expected"),
    [
        (["--occurrence"], "occurrence", [0, 0, 1, 1, 1]),
        (["--occurrence", "--threshold", "3"], "occurrence", [0, 0, 0, 1, 1]),
        (["--threshold", "3"], "intensity", [0, 1, 2, 3, 4]),
    ],
)
def test_occurrence_begins_at_the_threshold(
    raw: Path, tmp_path: Path, flags: list[str], kind: str, expected: list[float]
) -> None:
    """AU5 of SN001 goes 0, 1, 2, 3, 4."""
    assert main([str(raw), str(tmp_path), "--aus", "5", "--subjects", "SN001", *flags]) == 0
    rows = read_labels(tmp_path / "aus.csv", None).rows
    assert [row.tolist() for row in rows.values()] == [[value] for value in expected]
    described = json.loads((tmp_path / "dataset.json").read_text())
    assert (described["kind"], described["aus"]) == (kind, ["AU5"])
    assert described["threshold"] == (3 if "3" in flags else 2)


@pytest.mark.parametrize("table_format", ["csv", "parquet", "pkl"])
def test_every_format_holds_the_same(raw: Path, tmp_path: Path, table_format: str) -> None:
    assert main([str(raw), str(tmp_path / "out"), "--format", table_format]) == 0
    table = read_labels(tmp_path / "out" / f"aus.{table_format}", "intensity")
    assert np.stack(list(table.rows.values())).sum() == sum(
        intensity(subject, au, n)
        for subject, count in ((1, 5), (10, 4))
        for au in AUS
        for n in range(count)
    )


def _delete(raw: Path) -> None:
    (raw / "SN010" / "SN010_au17.txt").unlink()


def _write(text: str, au: int = 4) -> Callable[[Path], None]:
    def write(raw: Path) -> None:
        (raw / "SN001" / f"SN001_au{au}.txt").write_text(text)

    return write


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_delete, "SN010: no file for AU17; expected SN010_au17.txt"),
        (_write("1,0\n2,0\n4,0\n5,0\n"), "SN001_au4.txt:3: frame 4, expected frame 3"),
        (_write("0,0\n1,0\n"), "SN001_au4.txt:1: frame 0, expected frame 1"),
        (_write("1,0\n2,0\n2,0\n"), "SN001_au4.txt:3: frame 2, expected frame 3"),
        (_write("1,0\n2,6\n3,0\n4,0\n5,0\n"), "SN001_au4.txt:2: intensity 6, expected 0 to 5"),
        (_write("1,0\n2,-1\n3,0\n4,0\n5,0\n"), "SN001_au4.txt:2: intensity -1, expected 0 to 5"),
        (_write("1,0\n2;0\n"), "SN001_au4.txt:2: expected frame,intensity, not '2;0'"),
        (_write(""), "SN001_au4.txt: is empty; expected lines frame,intensity"),
        (
            _write("1,0\n2,0\n3,0\n4,0\n"),
            "SN001: files differ in length, in frames: AU1 5, AU2 5, AU4 4, AU5 5",
        ),
    ],
    ids=[
        *("no file", "gap", "from 0", "twice", "six", "minus one", "separator", "empty"),
        "length",
    ],
)
def test_a_fault_of_the_raw_files_is_named_and_nothing_is_written(
    raw: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(raw)
    assert main([str(raw), str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{raw}/") and message in lines[0]
    assert lines[-1] == "nothing was written"
    assert not (tmp_path / "out").exists()


def test_all_faults_are_named_at_once(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _delete(raw)
    _write("".join(f"{n},7\n" for n in range(1, 31)))(raw)
    assert main([str(raw), str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "SN001_au4.txt:1: intensity 7" in lines[0]
    assert lines[-2:] == ["... and 12 more", "nothing was written"]
    assert len(lines) == 22


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{raw}/none", "{out}"], "{raw}/none: no such directory; expected DISFA's"),
        (["{raw}/SN001", "{out}"], "{raw}/SN001: no subjects; expected SN001/SN001_au1.txt"),
        (
            ["{raw}", "{out}", "--subjects", "SN001,SN002"],
            "{raw}: --subjects names SN002; there are SN001, SN010",
        ),
        (["{raw}", "{out}", "--aus", "1,3"], "{raw}/SN001: no file for AU3; expected"),
        (["{raw}", "{used}"], "{used}/aus.pkl: is the AU table of this directory; delete it"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    raw: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"raw": raw, "out": tmp_path / "out", "used": tmp_path / "used"}
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "aus.pkl").touch()
    assert main([argument.format(**places) for argument in arguments]) == 2
    assert capsys.readouterr().err.startswith(message.format(**places))
    assert not (tmp_path / "out").exists()


def test_other_folders_are_left_out_and_named(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (raw / "old").mkdir()
    assert main([str(raw), str(tmp_path / "out")]) == 0
    assert "left out 1 (folders that are not subjects): old" in capsys.readouterr().err


def test_running_again_writes_the_same_and_keeps_what_else_is_described(
    raw: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert main([str(raw), str(out)]) == 0
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert main([str(raw), str(out)]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_as_a_user_types_it(raw: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "create_dataset.disfa_labels"]
    done = subprocess.run([*command, str(raw), str(tmp_path / "out")], check=False)
    assert done.returncode == 0
    shown = subprocess.run([*command, "--help"], check=False, capture_output=True, text=True)
    assert shown.returncode == 0
    assert "example:\n  python -m create_dataset.disfa_labels DISFA/" in shown.stdout
