"""Whatever lies in a dataset directory: no pipe blocks, no name leads out of it, no table or text
is more than one line of trouble.
"""

import io
import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from audetnet.config.binding import OptionError
from audetnet.data.factors import find_factors
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.ids import read_ids
from audetnet.data.images import ImageError, image_size, inspect_image, read_image
from audetnet.data.metadata import Metadata, read_metadata, subjects_of
from audetnet.data.splitting import LabelledFrames
from audetnet.data.tables import read_labels
from audetnet.errors import UserError
from audetnet.files.json import read_json
from audetnet.networks.pretrained import resnet50_stem
from create_dataset.checking.evidence import read_evidence
from create_dataset.checking.image_inspection import inspect_images
from create_dataset.labels.disfa import read_disfa
from create_dataset.labels.image_copies import ImageCopyError, place_image
from create_dataset.labels.row_frames import Columns
from create_dataset.labels.rows import read_labelled_rows
from create_dataset.summary import Summary

Write = Callable[..., Path]
CONTROLS = ["a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b", "a\x1bb"]
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("aus.pkl", lambda path: read_labels(path, None)),
        ("aus.csv", lambda path: read_labels(path, None)),
        ("aus.parquet", lambda path: read_labels(path, None)),
        ("train_ids.csv", read_ids),
        ("dataset.json", lambda path: read_metadata(path.parent)),
        ("who.csv", lambda path: subjects_of(["a"], path.parent, Metadata(subjects="who.csv"))),
        ("factors.csv", lambda path: find_factors(path.parent, None, None)),
        ("a.jpg", image_size),
        ("a.png", lambda path: read_image(path, (4, 4))),
        ("w.pth", lambda path: resnet50_stem(1, True, str(path))[0].load()),
    ],
)
def test_a_pipe_is_refused_and_does_not_block(
    tmp_path: Path, name: str, read: Callable[[Path], Any]
) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises((UserError, OptionError)) as error:
        read(tmp_path / name)
    assert name in str(error.value)


@pytest.mark.timeout(20)
def test_a_pipe_among_the_images_or_lists_is_found_by_the_check(
    tmp_path: Path, dataset_directory: Write
) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert "a pipe" in inspect_images({"a": tmp_path / "a.jpg"})["a"].mistake
    directory = dataset_directory({"a": [1.0], "b": [0.0]}, ["a"], ["b"])
    os.mkfifo(directory / "validation_ids.csv")
    with pytest.raises(UserError, match=r"validation_ids\.csv: expected a file, found a pipe"):
        load_dataset(DatasetPaths(directory=directory), regress=False)


def _png_header(width: int, height: int) -> bytes:
    """A PNG without pixels."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", size), (b"IDAT", b""), (b"IEND", b""))
    )


def _saved(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, kind)
    return content.getvalue()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POSTSCRIPT, "expected one of the formats JPEG, PNG"),
        (_saved("TIFF"), "expected one of the formats JPEG, PNG"),
        (_saved("BMP"), "expected one of the formats JPEG, PNG"),
        (_png_header(10_000, 7_000), "more than 67 megapixels"),
        (_png_header(20_000, 20_000), "more than 67 megapixels"),
    ],
    ids=["PostScript", "TIFF", "BMP", "70 megapixels", "400 megapixels"],
)
def test_other_formats_and_huge_images_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (
        image_size,
        lambda file: read_image(file, (4, 4)),
        lambda file: inspect_image(file, content),
    ):
        with pytest.raises(ImageError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert message in str(error.value)


@pytest.mark.parametrize("size", [(8192, 8192), (9504, 6336)], ids=["the limit", "a camera"])
def test_images_up_to_the_limit_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_png_header(*size))
    assert image_size(path) == (size[1], size[0])


def test_photos_of_several_frames_are_jpegs(tmp_path: Path) -> None:
    """MPO files, which some cameras name .jpg."""
    photo = Image.new("RGB", (8, 6))
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[photo])
    assert inspect_image(tmp_path / "a.jpg", (tmp_path / "a.jpg").read_bytes()).format == "MPO"


@pytest.mark.parametrize(
    ("content", "fine"),
    [(_saved("BMP"), True), (_saved("TIFF"), True), (_saved("GIF"), True), (POSTSCRIPT, False)],
    ids=["BMP", "TIFF", "GIF", "PostScript"],
)
def test_copies_are_made_of_listed_formats_only(tmp_path: Path, content: bytes, fine: bool) -> None:
    (tmp_path / "a.eps").write_bytes(content)
    if fine:
        place_image(tmp_path / "a.eps", tmp_path / "imgs", "a", link=False)
        assert image_size(tmp_path / "imgs" / "a.png") == (8, 8)
    else:
        with pytest.raises(ImageCopyError):
            place_image(tmp_path / "a.eps", tmp_path / "imgs", "a", link=False)


@pytest.mark.parametrize(
    "name",
    ["../secret.csv", "/etc/passwd", "link.csv", "folder/../../secret.csv", "a\0b"],
    ids=["above", "absolute", "a link outwards", "above by a detour", "NUL"],
)
def test_subjects_lie_within_the_directory(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "data"
    (directory / "folder").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("frame,subject\nroot:x:0\n")
    (directory / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(UserError) as error:
        subjects_of(["a"], directory, Metadata(subjects=name))
    assert str(error.value).startswith(f"{directory / 'dataset.json'}: ")
    assert "within the directory" in str(error.value)
    assert "root:x:0" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "not a JSON file: nested too deeply"),
        ('{"kind":' + "[" * 100_000, "not a JSON file: nested too deeply"),
        ('{"kind":' + "[" * 400 + "]" * 400 + "}", '"kind": expected'),
        (json.dumps({"kind": "x" * 10**6}), '"kind": expected'),
        (json.dumps({"subject_pattern": "(" * 10_000}), '"subject_pattern": not a regular'),
        (json.dumps({"subject_pattern": "a{99999999999999}"}), '"subject_pattern": not a regular'),
        (json.dumps({"threshold": 10**400}), '"threshold": expected'),
        ('{"threshold": 1e400}', '"threshold": expected'),
        ('{"threshold": NaN}', '"threshold": expected'),
        (json.dumps({"folds": {"../x": ["A"], "2": ["B"]}}), '"folds": the name'),
        (json.dumps({"folds": {"a\nb": ["A"], "2": ["B"]}}), '"folds": the name'),
    ],
    ids=[
        *("nested lists", "a nested value", "nested less", "a long text", "nested groups"),
        *("a repeat too often", "a long integer", "infinite", "no number", "a fold outside"),
        "a fold of two lines",
    ],
)
def test_odd_descriptions_are_one_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(UserError) as error:
        read_metadata(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'dataset.json'}: {message}")
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("content", [b"\xff", b"", b"{"], ids=["no text", "empty", "cut short"])
def test_files_that_are_not_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match="not a"):
        read_json(tmp_path / "a.json")


def _csv_table(folder: Path, frame: str) -> Path:
    path = folder / "aus.csv"
    path.write_text(f'frame,AU1\nfine,1\n"{frame}",0\n', encoding="utf-8", newline="")
    return path


def _parquet_table(folder: Path, frame: str) -> Path:
    path = folder / "aus.parquet"
    pd.DataFrame({"frame": ["fine", frame], "AU1": [1, 0]}).to_parquet(path)
    return path


def _pickle_table(folder: Path, frame: str) -> Path:
    path = folder / "aus.pkl"
    content = frame.encode()
    path.write_bytes(b"\x80\x04}\x8c%c" % len(content) + content + b"K\x01s.")
    return path


@pytest.mark.parametrize("frame", [*CONTROLS, "a/b", "../a", "a\\b", "a,b", "a;b", ""])
@pytest.mark.parametrize(
    ("write", "line"), [(_csv_table, ":3"), (_parquet_table, ""), (_pickle_table, "")]
)
def test_frame_ids_are_checked_where_they_enter(
    tmp_path: Path, write: Callable[[Path, str], Path], line: str, frame: str
) -> None:
    path = write(tmp_path, frame)
    with pytest.raises(UserError) as error:
        read_labels(path, None)
    assert str(error.value).startswith(f"{path}{line}: frame id ")


@pytest.mark.parametrize("frame", ["a\0b", "a\x85b", "a\u2028b", "a\x1bb", "a/b", "../a"])
def test_ids_in_lists_are_checked(tmp_path: Path, frame: str) -> None:
    path = tmp_path / "train_ids.csv"
    path.write_text(f"fine\n{frame}\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_ids(path)
    assert str(error.value).startswith(f"{path}:2: frame id ")


@pytest.mark.parametrize(
    ("row", "what"),
    [("a/b,x", "frame id"), ('"a\nb",x', "frame id"), ("a,x\x1b", "subject")],
)
def test_names_in_a_file_of_subjects_are_checked(tmp_path: Path, row: str, what: str) -> None:
    (tmp_path / "who.csv").write_text(f"frame,subject\n{row}\n")
    with pytest.raises(UserError) as error:
        subjects_of(["a"], tmp_path, Metadata(subjects="who.csv"))
    assert str(error.value).startswith(f"{tmp_path / 'who.csv'}:2: {what} ")


AU_NAMES = [
    (["mean"], "stands for the mean"),
    (["Mean"], "stands for the mean"),
    ([""], "is empty"),
    (["A\nB"], "line end"),
    (["A\0B"], "line end"),
    (["A\ud800B"], "line end"),
]


@pytest.mark.parametrize("source", ["metadata", "table", "cfg"])
@pytest.mark.parametrize(("names", "message"), AU_NAMES)
def test_names_of_aus_are_checked_wherever_they_come_from(
    tmp_path: Path, dataset_directory: Write, source: str, names: list[str], message: str
) -> None:
    metadata = {"aus": names} if source == "metadata" else None
    directory = dataset_directory({"a": [1], "b": [0]}, ["a"], ["b"], metadata=metadata)
    if source == "table":
        if "\ud800" in names[0]:
            names, message = ["A\x7fB"], "line end"  # no parquet file can hold the other
        (directory / "aus.pkl").unlink()
        pd.DataFrame({"frame": ["a", "b"], names[0]: [1, 0]}).to_parquet(directory / "aus.parquet")
    asked = tuple(names) if source == "cfg" else None
    with pytest.raises(UserError, match=message):
        load_dataset(DatasetPaths(directory=directory), regress=False, au_names=asked)
    if source != "cfg":
        mistakes = read_evidence(directory, "imgs", None, False, tmp_path / "cache").mistakes
        assert [found.code for found in mistakes] == ["au-names"]


def test_aus_have_different_names_that_may_hold_commas(dataset_directory: Write) -> None:
    directory = dataset_directory({"a": [1, 0], "b": [0, 1]}, ["a"], ["b"])
    names = ("AU1, left", "AU1, right")
    paths = DatasetPaths(directory=directory)
    assert load_dataset(paths, regress=False, au_names=names).au_names == names
    with pytest.raises(UserError, match="duplicate AU names: AU1"):
        load_dataset(paths, regress=False, au_names=("AU1", "AU1"))


def _parquet(**columns: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"frame": ["a", "b"], **columns}), content)
    return content.getvalue()


def _twice() -> bytes:
    content = io.BytesIO()
    columns = [pa.array(["a"]), pa.array([1]), pa.array([2])]
    pq.write_table(pa.Table.from_arrays(columns, ["frame", "AU1", "AU1"]), content)
    return content.getvalue()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"frame,AU1\na,1e400\n"),
        ("a.csv", b"frame,AU1\na,1e39\n"),
        ("a.csv", b"frame,AU1\na,inf\n"),
        ("a.csv", b"frame,AU1\na,%d\n" % 2**70),
        ("a.csv", b"frame,AU1\na,2020-01-01\n"),
        ("a.csv", b"frame,AU1\na,True\n"),
        ("a.csv", b"frame,AU1\na,1\0\n"),
        ("a.csv", b"frame,AU1\na," + b"1" * 10**6 + b"\n"),
        ("a.csv", b"frame,AU1\na\rb,1\r"),
        ("a.csv", b'frame,"A\nU"\na,x\n'),
        ("a.csv", b"\xff\xfef\0r\0"),
        ("a.parquet", b""),
        ("a.parquet", b"PAR1" + b"\0" * 50 + b"PAR1"),
        ("a.parquet", _parquet(AU1=[[1], [2]])),
        ("a.parquet", _parquet(AU1=[{"x": 1}, {"x": 2}])),
        ("a.parquet", _parquet(AU1=pa.array([1, 2], pa.timestamp("s")))),
        ("a.parquet", _parquet(AU1=pa.array([2**63 - 1, 1]))),
        ("a.parquet", _parquet(AU1=[float("inf"), 1])),
        ("a.parquet", _parquet(AU1=["1", "x"])),
        ("a.parquet", _parquet(AU1=[b"\xff", b"1"])),
        ("a.parquet", _twice()),
        ("a.pkl", b"\x80\x04}\x8c\x01a]G\x7f\xf0\0\0\0\0\0\0as."),
    ],
)
def test_odd_tables_are_one_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_labels(path, None)
    assert str(error.value).startswith(f"{path}")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_parquet(AU1=[True, False]), [1, 0]),
        (_parquet(AU1=["1", None]), [1, np.nan]),
        (_parquet(AU1=pa.array([1, None], pa.int64())), [1, np.nan]),
        (_parquet(AU1=pa.array(["1", "0"]).dictionary_encode()), [1, 0]),
    ],
    ids=["bools", "texts with gaps", "integers with gaps", "categories"],
)
def test_columns_of_other_types_that_hold_numbers(
    tmp_path: Path, content: bytes, expected: list[float]
) -> None:
    path = tmp_path / "aus.parquet"
    path.write_bytes(content)
    rows = read_labels(path, None).rows
    np.testing.assert_array_equal([rows["a"][0], rows["b"][0]], expected)


def test_infinite_factors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "factors.csv").write_text("frame,yaw\na,1\nb,inf\n")
    with pytest.raises(UserError, match="'b' has an infinite number in column yaw"):
        find_factors(tmp_path, None, None)


def test_factors_of_the_same_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "factors.csv").write_text("frame,yaw,yaw\na,1,2\n")
    with pytest.raises(UserError, match="duplicate columns: yaw"):
        find_factors(tmp_path, None, None)


def test_many_columns_and_subjects_take_linear_time(tmp_path: Path) -> None:
    """In CPU time, which hardly depends on other processes; it used to take over a minute."""
    count = 9_000
    (tmp_path / "aus.csv").write_text(
        f"frame,{','.join(f'AU{n}' for n in range(count))}\na,{','.join('1' * count)}\n"
    )
    folds = {str(n): [f"S{n}", f"T{n}"] for n in range(count)}
    (tmp_path / "dataset.json").write_text(json.dumps({"folds": folds}))
    begin = time.process_time()
    assert read_labels(tmp_path / "aus.csv", None).au_count == count
    assert len(read_metadata(tmp_path).folds or {}) == count
    assert time.process_time() - begin < 10


def test_disfa_labels_that_are_not_text_are_one_error(tmp_path: Path) -> None:
    folder = tmp_path / "SN001"
    folder.mkdir()
    (folder / "SN001_au1.txt").write_bytes(b"1,\xff\n")
    with pytest.raises(UserError, match="not a text file"):
        read_disfa(tmp_path, ("AU1",), None, 2.0, Summary())


def test_frames_of_many_subjects_are_counted_in_linear_time() -> None:
    count = 20_000
    subjects = np.array([f"S{n % (count // 2)}" for n in range(count)])
    active = np.array([[n % 3 == 0, np.nan if n % 2 else 1] for n in range(count)], np.float32)
    frames = LabelledFrames(
        ids=tuple(map(str, range(count))), subjects=subjects, active=active, aus=("AU1", "AU2")
    )
    begin = time.process_time()
    counts = frames.counts(frames.people)
    assert time.process_time() - begin < 3
    for person in (0, 7, -1):
        mine = active[subjects == frames.people[person]]
        np.testing.assert_array_equal(counts[person], [*np.nansum(mine, axis=0), len(mine)])


def test_a_frame_number_too_long_to_be_one_is_a_name(tmp_path: Path) -> None:
    """Python refuses to convert 5000 digits to an integer."""
    digits = "1" * 5000
    (tmp_path / "v.csv").write_text(f"frame,AU1\n{digits},1\n2,0\n")
    rows = read_labelled_rows(tmp_path / "v.csv", Columns(), None, None)
    assert rows.ids == [digits, "2"]
