"""AU tables as users have them, and messages about errors in them."""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.data.tables import TableFormat, find_labels, read_labels, write_labels
from audetnet.errors import UserError
from audetnet.labels import FloatArray, LabelKind

NAN = float("nan")
ROW = (3.0, NAN, 5.0)
"""NaN contains bytes above 127, for which the decoding of Python 2 strings matters."""
_BYTES = np.array(ROW, dtype="<f8").tobytes()
_ESCAPED = repr(_BYTES)[1:].encode()

PYTHON_2_BINARY = (
    b"\x80\x02}(U\x07SN001_0cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    b"K\x00\x85U\x01b\x87R(K\x01K\x03\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
    b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x18" + _BYTES + b"tbu."
)
PYTHON_2_TEXT = (
    b"(dS'SN001_0'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    b"(I1\n(I3\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    b"I00\nS" + _ESCAPED + b"\ntbs."
)


def _write(path: Path, table: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(table, protocol=protocol))
    return path


def _numpy_1_names(content: bytes) -> bytes:
    """A pickle as written by NumPy 1: the same with other module names, hence other lengths."""
    for module in ("multiarray", "numeric"):
        new, old = f"numpy._core.{module}".encode(), f"numpy.core.{module}".encode()
        content = content.replace(b"\x8c" + bytes([len(new)]) + new, b"\x8c%c" % len(old) + old)
        content = content.replace(new, old)
    if content[2:3] == b"\x95":
        content = content[:3] + (len(content) - 11).to_bytes(8, "little") + content[11:]
    return content


@pytest.mark.parametrize("numpy_1", [False, True], ids=["numpy 2", "numpy 1"])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "row",
    [
        np.array(ROW),
        np.array(ROW, dtype=np.float32),
        np.array(ROW, dtype=">f8"),
        list(ROW),
        tuple(ROW),
        [np.float64(value) for value in ROW],
        np.array([[value] for value in ROW]),
        np.array([3, 9, 5]),
        np.array([3, 9, 5], dtype=np.uint8),
    ],
    ids=[
        *("float64", "float32", "big endian", "list", "tuple", "numpy scalars"),
        *("column", "int64 with 9", "uint8 with 9"),
    ],
)
def test_every_way_to_pickle_a_row_gives_the_same_values(
    tmp_path: Path, row: Any, protocol: int, numpy_1: bool
) -> None:
    content = pickle.dumps({"SN001_0": row}, protocol=protocol)
    path = tmp_path / "aus.pkl"
    path.write_bytes(_numpy_1_names(content) if numpy_1 else content)
    assert not numpy_1 or b"numpy._core" not in path.read_bytes()
    values = read_labels(path, None).rows["SN001_0"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, ROW)


@pytest.mark.parametrize("content", [PYTHON_2_BINARY, PYTHON_2_TEXT], ids=["binary", "text"])
def test_pickles_of_python_2_are_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "aus.pkl"
    path.write_bytes(content)
    table = read_labels(path, None)
    assert list(table.rows) == ["SN001_0"]
    np.testing.assert_array_equal(table.rows["SN001_0"], ROW)


def test_rows_are_copies_that_can_be_written_to(tmp_path: Path) -> None:
    """Protocol 5 pickles of read-only arrays would be read as read-only views."""
    row = np.array([3, 9, 5], dtype=np.float32)
    row.setflags(write=False)
    path = _write(tmp_path / "aus.pkl", {"a": row}, protocol=5)
    values = read_labels(path, None).rows["a"]
    assert values.flags.writeable
    np.testing.assert_array_equal(values, ROW)


@pytest.mark.parametrize("protocol", ["text", "stack"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "mkdir"),
        ("posix", "mkdir"),
        ("nt", "mkdir"),
        ("pathlib", "Path.mkdir"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("importlib", "import_module"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "core.multiarray.fromfile"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy._core.numeric", "os.mkdir"),
        ("_codecs", "lookup"),
        ("torch", "load"),
    ],
)
def test_anything_but_arrays_is_refused_by_name_and_not_called(
    tmp_path: Path, module: str, name: str, protocol: str
) -> None:
    """Calling the named function with this argument would create a directory or a file."""
    trace = tmp_path / "called"
    argument = f"__import__('os').mkdir({str(trace)!r})" if name in ("eval", "exec") else str(trace)
    if protocol == "text":
        content = f"(dS'a'\nc{module}\n{name}\n(V{argument}\ntRs.".encode()
    else:
        parts = [b"\x8c%c" % len(part) + part.encode() for part in (module, name, argument)]
        content = b"\x80\x04}\x8c\x01a" + parts[0] + parts[1] + b"\x93" + parts[2] + b"\x85Rs."
    path = tmp_path / "aus.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(f"'{module}.{name}', which is not allowed")) as e:
        read_labels(path, None)
    assert str(path) in str(e.value)
    assert not trace.exists()


class _Opaque:
    """A user's own class, as found in pickles."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a pickled dict of NumPy arrays"),
        (b"frame,AU1\nSN001_0,3\n", "not a pickled dict of NumPy arrays"),
        (pickle.dumps({"a": [1.0]})[:-4], "not a pickled dict of NumPy arrays"),
        (pickle.dumps([[1.0]]), "expected a pickled dict with frame ids as keys, found list"),
        (pickle.dumps({1: [1.0]}), "expected a pickled dict with frame ids as keys"),
        (pickle.dumps({"a": _Opaque()}), "_Opaque', which is not allowed"),
        (pickle.dumps({}), "the AU table is empty"),
        (pickle.dumps({"a": []}), "the rows of the AU table are empty"),
        (pickle.dumps({"a": [1, 2], "b": [1, 2, 3]}), "'b' has 3 AU values, but 'a' has 2"),
        (pickle.dumps({"a": [1, 2], "b": 1}), "'b' has 1 AU values, but 'a' has 2"),
        (pickle.dumps({"a": [1], "b": ["x"]}), "the row of 'b' is not an array of numbers"),
        (pickle.dumps({"a": [[1, 2], [3]]}), "the row of 'a' is not an array of numbers"),
        (pickle.dumps({"a": {"AU1": 1}}), "the row of 'a' is not an array of numbers"),
        (pickle.dumps({"a": [10**400]}), "the row of 'a' is not an array of numbers"),
    ],
    ids=[
        *("empty file", "text file", "cut short", "list", "number as key", "own class"),
        *("no rows", "empty rows", "another length", "a bare number", "text in a row"),
        *("ragged row", "dict as row", "a number that no float holds"),
    ],
)
def test_a_file_that_is_not_a_table_is_an_error_with_its_path(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "aus.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message)) as error:
        read_labels(path, None)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["aus.pkl", "aus.csv", "aus.parquet"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: "),
        (Path.mkdir, "expected a file, found a directory"),
        (os.mkfifo, "expected a file, found a pipe"),
    ],
    ids=["missing", "a directory", "a pipe"],
)
def test_a_table_that_cannot_be_opened_is_an_error(
    tmp_path: Path, make: Any, message: str, name: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(UserError, match=re.escape(f"{path}: {message}")):
        read_labels(path, None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "described", "kind"),
    [
        ([0, 1], None, "occurrence"),
        ([0, 2], None, "intensity"),
        ([0, 0.5, 2], None, "intensity"),
        ([0, 1], "intensity", "intensity"),
        ([0, 1], "occurrence", "occurrence"),
        ([1, 9], None, "occurrence"),
        ([NAN, 9], None, "occurrence"),
    ],
    ids=[
        "zeros and ones",
        "a value above one",
        "fractions",
        "described as intensities",
        "described as occurrences",
        "9 is no intensity",
        "all unknown",
    ],
)
def test_the_kind_is_the_described_one_else_inferred_from_values(
    tmp_path: Path, values: list[float], described: LabelKind | None, kind: LabelKind
) -> None:
    path = _write(tmp_path / "aus.pkl", {"a": values})
    assert read_labels(path, described).kind == kind


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([0, 6], None, "'b' has the value 6 in column 1 "),
        ([0, 5.5], None, "'b' has the value 5.5 in column 1 "),
        ([0, 10], "intensity", "'b' has the value 10 in column 1 "),
        ([-1, 0], None, "'b' has the value -1 in column 0 "),
        ([-1, 0], "intensity", "'b' has the value -1 in column 0 "),
        ([0, 0.5], None, "'b' has the value 0.5 in column 1 "),
        ([0, 0.5], "occurrence", "'b' has the value 0.5 in column 1 "),
        ([2, 3], "occurrence", "'b' has the value 2 in column 0 (2 such values)"),
        ([0, float("inf")], None, "'b' has the value inf in column 1 "),
    ],
    ids=[
        *("six", "above five", "ten", "minus one", "minus one as intensity", "half, inferred"),
        *("half as occurrence", "intensities as occurrence", "infinite"),
    ],
)
def test_values_out_of_range_are_named_with_frame_and_column(
    tmp_path: Path, values: list[float], kind: LabelKind | None, message: str
) -> None:
    path = _write(tmp_path / "aus.pkl", {"a": [0, 1], "b": values})
    with pytest.raises(UserError, match=re.escape(message)) as error:
        read_labels(path, kind)
    intensity = kind == "intensity" or (kind is None and max(values) > 1)
    allowed = "an intensity from 0 to 5" if intensity else "0 or 1"
    assert f"expected {allowed}, or 9 or NaN for unknown" in str(error.value)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["aus.pkl"], "aus.pkl"),
        (["labels.pickle", "notes.txt"], "labels.pickle"),
        (["AUS.PKL"], "AUS.PKL"),
        (["aus.csv", "train_ids.csv"], "aus.csv"),
        (["labels.parquet", "frames.csv"], "labels.parquet"),
        (
            ["labels.csv"],
            "no AU table (*.pkl, *.pickle, *.parquet, aus.csv); specify it with --labels FILE",
        ),
        (
            ["b.pkl", "a.pickle", "aus.csv"],
            "several AU tables (a.pickle, aus.csv, b.pkl); choose one with --labels FILE",
        ),
        (None, "no such directory; expected a dataset directory"),
    ],
    ids=["pkl", "pickle", "upper case", "csv", "parquet", "none", "several", "no directory"],
)
def test_the_one_table_of_a_directory_is_found(
    tmp_path: Path, names: list[str] | None, expected: str
) -> None:
    directory = tmp_path / "dataset"
    if names is not None:
        directory.mkdir()
        for name in names:
            (directory / name).touch()
    if names and expected in names:
        assert find_labels(directory) == directory / expected
    else:
        with pytest.raises(UserError) as error:
            find_labels(directory)
        assert str(error.value) == f"{directory}: {expected}"


VALUES: FloatArray = np.array([[0, 2.5, NAN], [5, 0, 1]], dtype=np.float32)


@pytest.mark.parametrize("table_format", ["csv", "parquet", "pkl"])
def test_tables_are_read_back_as_they_were_written(
    tmp_path: Path, table_format: TableFormat
) -> None:
    ids, names = ["SN001_0", "007"], ("AU1", "AU2", "AU26")
    path = write_labels(tmp_path, ids, VALUES, names, table_format)
    assert path == find_labels(tmp_path) == tmp_path / f"aus.{table_format}"
    table = read_labels(path, None)
    assert list(table.rows) == ids
    np.testing.assert_array_equal(np.stack(list(table.rows.values())), VALUES)
    assert table.kind == "intensity"
    assert table.names == (None if table_format == "pkl" else names)


def test_a_csv_table_is_read_however_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "aus.csv"
    path.write_bytes(b'\xef\xbb\xbfname, AU1 ,AU2\r\n001, 1,\r\nNA,9,nan\r\n"x",0,1.0\r\n')
    table = read_labels(path, None)
    assert table.names == ("AU1", "AU2")
    assert list(table.rows) == ["001", "NA", "x"]
    np.testing.assert_array_equal(
        np.stack(list(table.rows.values())), [[1, NAN], [NAN, NAN], [0, 1]]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": expected a column of frame ids and one per AU, separated by commas; found "),
        ("frame,AU1\n", ": the AU table is empty"),
        ("frame\na\n", ": expected a column of frame ids and one per AU"),
        ("frame;AU1\na;1\n", ": expected a column of frame ids and one per AU"),
        ("frame,AU1,AU1\na,1,1\n", ": duplicate columns: AU1"),
        ("frame,AU1\na,1\nb,0\na,1\n", ": duplicate frame ids: a"),
        ("frame,AU1\na,1\nb,yes\n", ":3: 'b' has 'yes' in column AU1; expected a number"),
        ("frame,AU1\na,1\nb,7\n", ": 'b' has the value 7 in column AU1 (1 such values)"),
        ("frame,AU1,AU2\na,1,0\nb,1\n", ":3: has 2 cells, but the first line has 3"),
        ("frame,AU1\na,1,0\nb,1,0\n", ":2: has 3 cells, but the first line has 2"),
        ("frame,AU1\na,1\nb,1,0\n", ":3: has 3 cells, but the first line has 2"),
        ("frame,AU1\na,1\n\nb,1\n", ":3: has 0 cells, but the first line has 2"),
        ("frame,AU1\na,\xff\n".encode("latin1"), ": not a table: "),
        ("," * 500_000, ":1: has 500001 columns; expected frame ids"),
        (None, ": cannot be read: No such file or directory"),
    ],
)
def test_mistakes_in_a_csv_table_name_their_line(
    tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    path = tmp_path / "aus.csv"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as error:
        read_labels(path, None)
    assert str(error.value).startswith(f"{path}{message}")


def test_parquet_strings_that_are_not_utf_8_are_an_error(tmp_path: Path) -> None:
    path = write_labels(tmp_path, ["frame_a"], np.ones((1, 1), np.float32), ["AU1"], "parquet")
    path.write_bytes(path.read_bytes().replace(b"frame_a", b"fr\xb1me_a"))
    with pytest.raises(UserError, match=r"aus\.parquet: not a table: "):
        read_labels(path, None)


def test_parquet_without_its_package_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any) -> None:
        raise ImportError("no pyarrow")

    monkeypatch.setattr("pandas.read_parquet", missing)
    with pytest.raises(UserError) as error:
        read_labels(tmp_path / "aus.parquet", None)
    assert str(error.value) == (
        f"{tmp_path / 'aus.parquet'}: Parquet files need the package pyarrow: pip install pyarrow"
    )
