"""Id lists, dataset.json and subjects as users write them, and messages about errors in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from audetnet.data.ids import IdFiles, find_folds, read_ids, write_ids
from audetnet.data.metadata import Metadata, read_metadata, subjects_of, update_metadata
from audetnet.errors import UserError


@pytest.mark.parametrize(
    "content",
    [
        b"SN001_0\nSN001_1\n",
        b"SN001_0\nSN001_1",
        b"SN001_0\r\nSN001_1\r\n",
        b"\xef\xbb\xbfSN001_0\r\nSN001_1\r\n",
        b"\nSN001_0\n\n  \t\nSN001_1\n\n",
        b"\"SN001_0\"\n'SN001_1'\n",
        b"  SN001_0\t\n SN001_1 \n",
        b'\xef\xbb\xbf"SN001_0"\r\n"SN001_1"\r\n',
    ],
    ids=[
        *("plain", "no last line end", "CRLF", "BOM and CRLF", "blank lines", "quotes"),
        *("spaces", "spreadsheet"),
    ],
)
def test_ids_are_read_however_they_were_saved(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train_ids.csv"
    path.write_bytes(content)
    assert read_ids(path) == ["SN001_0", "SN001_1"]


def test_ids_keep_their_order_and_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "train_ids.csv"
    path.write_text("b\na\nb\né_1\n", encoding="utf-8")
    assert read_ids(path) == ["b", "a", "b", "é_1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n\nb,c\n", "{path}:3: expected one frame id per row, not 'b,c'"),
        (b"a;1\n", "{path}:1: expected one frame id per row, not 'a;1'"),
        (b'a\n"b","c"\n', '{path}:2: expected one frame id per row, not \'"b","c"\''),
        (b"", "{path}: no frame ids; expected one per row"),
        (b"\n \r\n\n", "{path}: no frame ids; expected one per row"),
        (b"\xef\xbb\xbf", "{path}: no frame ids; expected one per row"),
        ("a\n".encode("utf-16"), "{path}: not a text file; expected one frame id per row"),
        (None, "{path}: cannot be read: No such file or directory; expected one frame id per row"),
    ],
    ids=["comma", "semicolon", "quoted", "empty", "blank", "BOM alone", "UTF-16", "missing"],
)
def test_id_lists_with_a_mistake_name_their_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "train_ids.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_ids(path)
    assert str(error.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, Metadata()),
        ({}, Metadata(aus=None, kind=None, threshold=2.0, source=None, subject_pattern="[^_]+")),
        ({"aus": ["AU1", "AU2"]}, Metadata(aus=("AU1", "AU2"))),
        (
            {"kind": "occurrence", "source": "somewhere"},
            Metadata(aus=None, kind="occurrence", source="somewhere"),
        ),
        (
            {"threshold": 3, "folds": {"1": ["A", "B"], "2": ["C"]}, "subjects": "subjects.csv"},
            Metadata(threshold=3, folds={"1": ("A", "B"), "2": ("C",)}, subjects="subjects.csv"),
        ),
        ({"aus": None, "kind": None}, Metadata()),
        ({"subject_pattern": r"[FM]\d+"}, Metadata(subject_pattern=r"[FM]\d+")),
    ],
    ids=["no file", "empty", "names", "kind and source", "threshold and folds", "nulls", "pattern"],
)
def test_metadata_and_each_key_are_optional(
    tmp_path: Path, content: Any, expected: Metadata
) -> None:
    if content is not None:
        (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert read_metadata(tmp_path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a JSON file: "),
        ("{'aus': []}", "not a JSON file: "),
        ("[]", 'expected an object such as {"aus": ["AU1"], "kind": "intensity"}'),
        ('{"aus": "AU1"}', '"aus": expected a list of names such as ["AU1", "AU2"]'),
        ('{"aus": [1, 2]}', '"aus": expected a list of names such as ["AU1", "AU2"]'),
        ('{"aus": ["AU1", "AU1"]}', '"aus" contains a duplicate name'),
        (
            '{"kind": "intensities"}',
            '"kind": expected "intensity" or "occurrence", not \'intensities\'',
        ),
        ('{"kind": ["intensity"]}', '"kind": expected "intensity" or "occurrence", not '),
        ('{"subject_pattern": "("}', '"subject_pattern": not a regular expression: '),
        ('{"subject_pattern": 1}', '"subject_pattern": not a regular expression: '),
        ('{"kinds": "intensity"}', "unknown key \"kinds\"; did you mean 'kind'?"),
        ('{"threshold": 0}', '"threshold": expected an intensity above 0, at most 5, not 0'),
        ('{"threshold": true}', '"threshold": expected an intensity above 0, at most 5, not True'),
        ('{"threshold": 6}', '"threshold": expected an intensity above 0, at most 5, not 6'),
        ('{"landmarks": "haar"}', "\"landmarks\": expected facemesh, dlib, files, not 'haar'"),
        ('{"landmarks": []}', '"landmarks": expected facemesh, dlib, files, not []'),
        ('{"source": 1}', '"source" and "subjects": expected text, not 1'),
        ('{"folds": [["A"]]}', '"folds": expected subjects by part, such as {"1": ["SN001"]'),
        ('{"folds": {"1": []}}', '"folds": expected subjects by part, such as {"1": ["SN001"]'),
        ('{"folds": {"1": ["A"], "2": ["A"]}}', '"folds" contains a subject twice: A'),
    ],
)
def test_mistakes_in_the_metadata_name_their_key(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        read_metadata(tmp_path)
    assert str(error.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("pattern", "ids", "subjects"),
    [
        ("[^_]+", ["SN001_0", "SN002_17", "alone"], ["SN001", "SN002", "alone"]),
        (r"[FM]\d{3}", ["F001_T1_0643", "M012_T8_1"], ["F001", "M012"]),
        (r"\d+_([a-z]+)", ["12_anna_0", "7_ben_1"], ["anna", "ben"]),
        (r"(\w)(\w)", ["ab1", "cd2"], ["a", "c"]),
        ("(?:x|y)+", ["xy_1", "y_2"], ["xy", "y"]),
    ],
    ids=["default", "no group", "one group", "two groups", "group that captures nothing"],
)
def test_a_subject_is_the_first_group_else_the_match(
    pattern: str, ids: list[str], subjects: list[str]
) -> None:
    assert subjects_of(ids, Path("any"), Metadata(subject_pattern=pattern)) == subjects


@pytest.mark.parametrize(
    ("pattern", "ids", "named"),
    [
        (r"[FM]\d+", ["F001_0", "SN1_0", "xF1_0"], "SN1_0, xF1_0"),
        (r"\d+", [f"s{n}" for n in range(7)], "s0, s1, s2, s3, s4, ... (7 in all)"),
        (r"(SN\d+)_|([FM]\d+)_", ["SN001_0", "F001_0"], "F001_0"),
    ],
    ids=["not at the start", "many", "the first group took no part"],
)
def test_ids_without_a_subject_are_named(pattern: str, ids: list[str], named: str) -> None:
    with pytest.raises(UserError) as error:
        subjects_of(ids, Path("any"), Metadata(subject_pattern=pattern))
    assert pattern in str(error.value)
    assert "dataset.json" in str(error.value)
    assert str(error.value).endswith(f"does not match {named}")


def test_subjects_may_be_given_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("frame,subject\nx_1,anna\nx_2,ben\n")
    metadata = Metadata(subjects="who.csv")
    assert subjects_of(["x_2", "x_1"], tmp_path, metadata) == ["ben", "anna"]
    with pytest.raises(UserError) as error:
        subjects_of(["x_1", "x_3"], tmp_path, metadata)
    assert str(error.value) == (
        f"{tmp_path / 'who.csv'}: no subject for x_3; add a row frame,subject"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frame,subject\na,b\nc\n", ":3: expected frame,subject, not 'c'"),
        ("frame,subject\na,b,c\n", ":2: expected frame,subject, not 'a,b,c'"),
        ("frame,subject\na,\n", ":2: expected frame,subject, not 'a,'"),
        ("frame,subject\na,b\na,b\na,c\n", ":4: frame 'a' has the subject 'c' here, but 'b'"),
        (None, ": cannot be read: "),
    ],
)
def test_mistakes_in_a_file_of_subjects_name_their_line(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "subjects.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as error:
        subjects_of(["a"], tmp_path, Metadata(subjects="subjects.csv"))
    assert str(error.value).startswith(f"{path}{message}")


def test_metadata_are_updated_by_key_and_read_back(tmp_path: Path) -> None:
    update_metadata(tmp_path, aus=("AU1", "AU2"), kind="intensity", source="somewhere")
    path = update_metadata(tmp_path, threshold=3.0, folds={"1": ("A",), "2": ("B", "C")})
    assert path == tmp_path / "dataset.json"
    assert read_metadata(tmp_path) == Metadata(
        aus=("AU1", "AU2"),
        kind="intensity",
        source="somewhere",
        threshold=3.0,
        folds={"1": ("A",), "2": ("B", "C")},
    )
    assert json.loads(path.read_text())["folds"] == {"1": ["A"], "2": ["B", "C"]}


def test_invalid_metadata_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_text("{")
    with pytest.raises(UserError):
        update_metadata(tmp_path, kind="intensity")
    assert path.read_text() == "{"


def test_ids_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    write_ids(tmp_path / "folds" / "1" / "train_ids.csv", ["b", "a", "b", "é"])
    assert read_ids(tmp_path / "folds" / "1" / "train_ids.csv") == ["b", "a", "b", "é"]


def test_folds_are_found_in_numerical_order(tmp_path: Path) -> None:
    assert find_folds(tmp_path) == []
    for name in ("10", "2", "SN001", "1"):
        (tmp_path / "folds" / name).mkdir(parents=True)
    (tmp_path / "folds" / "notes.txt").touch()
    assert find_folds(tmp_path) == ["1", "2", "10", "SN001"]
    assert IdFiles().of_fold("2") == IdFiles(
        "folds/2/train_ids.csv", "folds/2/test_ids.csv", "folds/2/validation_ids.csv"
    )
