"""Tables of labels as other tools and people write them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.metadata import read_metadata, subjects_of
from audetnet.data.tables import read_labels
from create_dataset.csv_labels import main

NAN = float("nan")


def _table(out: Path) -> dict[str, list[float]]:
    rows = read_labels(out / "aus.csv", read_metadata(out).kind).rows
    return {frame: row.tolist() for frame, row in rows.items()}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """raw/p1/x.jpg, raw/p1/y.bmp, raw/p2/x.png, of one colour each."""
    for name, colour in (("p1/x.jpg", 40), ("p1/y.bmp", 80), ("p2/x.png", 120)):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (colour, colour, colour)).save(path)
    return tmp_path / "raw"


def _write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("header", "aus"),
    [
        ("frame_id,AU01,AU02,AU12", ["AU1", "AU2", "AU12"]),
        ("frame_id, AU12_r, AU01_r, AU02_r", ["AU1", "AU2", "AU12"]),
        ("id,AU1,AU2,AU12", ["AU1", "AU2", "AU12"]),
        ("ID,au_1_intensity,au_2_intensity,au_12_intensity", ["AU1", "AU2", "AU12"]),
    ],
    ids=["py-feat", "OpenFace", "plain", "LibreFace"],
)
def test_columns_are_found_however_they_are_written(
    tmp_path: Path, header: str, aus: list[str]
) -> None:
    """And put in the order of the AUs."""
    labels = _write(tmp_path / "l.csv", header, "SN001_0,0,1,2", "SN001_1,,9,5")
    assert main([str(labels), str(tmp_path / "out")]) == 0
    expected = [[0, 1, 2], [NAN, NAN, 5]]
    if "AU12_r, AU01_r" in header:
        expected = [[1, 2, 0], [NAN, 5, NAN]]
    table = _table(tmp_path / "out")
    assert list(table) == ["SN001_0", "SN001_1"]
    np.testing.assert_array_equal(list(table.values()), expected)
    metadata = read_metadata(tmp_path / "out")
    assert metadata.aus == tuple(aus)
    assert (metadata.kind, metadata.source) == ("intensity", "l.csv")


def test_openface_with_both_styles_asks_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames counted from 1 and a failed one, as OpenFace writes them for a video."""
    labels = _write(
        tmp_path / "anna.csv",
        "frame, face_id, timestamp, confidence, success, AU01_r, AU04_r, AU01_c, AU04_c, AU45_c",
        "1, 0, 0.000, 0.98, 1, 0.25, 2.50, 0.00, 1.00, 0.00",
        "2, 0, 0.040, 0.02, 0, 0.00, 0.00, 0.00, 0.00, 0.00",
        "3, 0, 0.080, 0.98, 1, 5.00, 1.00, 1.00, 0.00, 1.00",
    )
    out = tmp_path / "out"
    assert main([str(labels), str(out), "--first-frame", "1"]) == 2
    assert capsys.readouterr().err.startswith(
        f"{labels}:1: AU columns in several styles (AU01_r, AU01_c); choose with --kind"
    )
    assert main([str(labels), str(out), "--first-frame", "1", "--kind", "intensity"]) == 0
    assert _table(out) == {"anna_0": [0.25, 2.5], "anna_2": [5, 1]}
    assert "left out 1 (not tracked (column success)): anna_1" in capsys.readouterr().err
    assert main([str(labels), str(out), "--first-frame", "1", "--kind", "occurrence"]) == 0
    assert _table(out) == {"anna_0": [0, 1, 0], "anna_2": [1, 0, 1]}


def test_images_are_copied_and_rows_without_one_left_out(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = _write(
        images / "labels.csv",
        "path,AU1,AU2",
        "p1/x.jpg,0,1",
        "p1/y.bmp,3,0",
        "p2/x.png,0,0",
        "p2/none.png,0,0",
    )
    out = tmp_path / "out"
    assert main([str(labels), str(out), "--subject-pattern", r"p\d"]) == 0
    assert sorted(path.name for path in (out / "imgs").iterdir()) == [
        *("p1_x.jpg", "p1_y.png", "p2_x.png")
    ]
    assert Image.open(out / "imgs" / "p1_y.png").getpixel((0, 0)) == (80, 80, 80)
    assert list(_table(out)) == ["p1_x", "p1_y", "p2_x"]
    assert "left out 1 (no image file): p2_none" in capsys.readouterr().err


def test_what_was_written_can_be_trained_on(images: Path, tmp_path: Path) -> None:
    labels = _write(
        images / "labels.csv",
        "frame_id,path,person,AU1,AU2",
        "a,p1/x.jpg,anna,0,1",
        "b,p1/y.bmp,anna,3,0",
        "c,p2/x.png,ben,0,0",
    )
    out = tmp_path / "out"
    assert main([str(labels), str(out), "--subject-column", "person"]) == 0
    _write(out / "train_ids.csv", "a", "b")
    _write(out / "test_ids.csv", "c")
    dataset = load_dataset(DatasetPaths(directory=out), regress=True)
    assert dataset.au_names == ("AU1", "AU2")
    assert dataset.train.subjects == ("anna", "anna")
    assert dataset.test.subjects == ("ben",)
    assert dataset.notes == ()


@pytest.mark.parametrize("half", ["bytes", "link"])
def test_running_again_copies_only_what_is_missing(images: Path, tmp_path: Path, half: str) -> None:
    """A killed run may have left half an image, or a link that is not to be written through."""
    labels = _write(images / "labels.csv", "path,AU1", "p1/x.jpg,0", "p2/x.png,3")
    out = tmp_path / "out"
    assert main([str(labels), str(out)]) == 0
    kept, gone = out / "imgs" / "p1_x.jpg", out / "imgs" / "p2_x.png"
    os.utime(kept, (1, 1))
    gone.unlink()
    left = out / "imgs" / ".p2_x.png.unfinished"
    if half == "link":
        left.symlink_to(images / "p2" / "x.png")
    else:
        left.write_bytes(b"half")
    assert main([str(labels), str(out)]) == 0
    assert kept.stat().st_mtime == 1
    assert gone.read_bytes() == (images / "p2" / "x.png").read_bytes()
    assert sorted(path.name for path in (out / "imgs").iterdir()) == ["p1_x.jpg", "p2_x.png"]


def test_images_may_be_linked_or_left(images: Path, tmp_path: Path) -> None:
    labels = _write(images / "labels.csv", "path,AU1", "p1/x.jpg,0", "p2/x.png,3")
    assert main([str(labels), str(tmp_path / "linked"), "--images", "link"]) == 0
    link = tmp_path / "linked" / "imgs" / "p1_x.jpg"
    assert link.is_symlink()
    assert link.resolve() == (images / "p1" / "x.jpg").resolve()
    assert main([str(labels), str(tmp_path / "left"), "--images", "none"]) == 0
    assert not (tmp_path / "left" / "imgs").exists()


def test_several_tables_become_one(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.csv", "frame,AU1", "0,0", "1,3")
    other = _write(tmp_path / "other.csv", "frame,AU1", "0,2", "1,0")
    out = tmp_path / "out"
    assert main([str(one), str(other), str(out)]) == 0
    assert _table(out) == {"one_0": [0], "one_1": [3], "other_0": [2], "other_1": [0]}
    metadata = read_metadata(out)
    assert subjects_of(list(_table(out)), out, metadata) == ["one", "one", "other", "other"]


@pytest.mark.parametrize(
    ("values", "flags", "kind", "expected"),
    [
        ((0, 1), [], "occurrence", [0, 1]),
        ((0, 3), [], "intensity", [0, 3]),
        ((0.2, 0.5), ["--occurrence", "--threshold", "0.5"], "occurrence", [0, 1]),
        ((0.2, 0.5), ["--kind", "intensity"], "intensity", [0.2, 0.5]),
        ((1.5, 2), ["--occurrence"], "occurrence", [0, 1]),
        ((2, 3), ["--occurrence", "--threshold", "3"], "occurrence", [0, 1]),
        ((0, 1), ["--occurrence"], "occurrence", [0, 1]),
        ((2, 3), ["--threshold", "3"], "intensity", [2, 3]),
    ],
)
def test_the_scale_is_guessed_or_said(
    tmp_path: Path, values: tuple[float, float], flags: list[str], kind: str, expected: list[float]
) -> None:
    labels = _write(tmp_path / "l.csv", "id,AU1", f"a,{values[0]}", f"b,{values[1]}")
    out = tmp_path / "out"
    assert main([str(labels), str(out), *flags]) == 0
    assert [row[0] for row in _table(out).values()] == pytest.approx(expected)
    assert read_metadata(out).kind == kind
    if flags[-2:-1] == ["--threshold"]:
        assert read_metadata(out).threshold == float(flags[-1])


@pytest.mark.parametrize(
    ("lines", "flags", "message"),
    [
        (["id,AU1", "a,x"], [], ":2: 'a' has 'x' in column AU1; expected a number"),
        (["id,AU1", "a,7"], [], ": 'a' has the value 7 in column AU1 (1 such values); expected"),
        (["id,AU1", "a,0.3"], [], ": values between 0 and 1, such as probabilities; use --occ"),
        (
            ["id,AU1", "a,0.3"],
            ["--occurrence"],
            ": values between 0 and 1, such as probabilities; use --occ",
        ),
        (["id,happy", "a,1"], [], ":1: no AU columns such as AU1, AU01, AU01_r or AU01_c"),
        (["id,AU1,AU01", "a,1,1"], [], ":1: columns 'AU1' and 'AU01' are both AU1"),
        (["id,AU1", "a,1"], ["--aus", "1,2"], ":1: no column for AU2; there are AU1"),
        (["name,AU1", "a,1"], [], ":1: no column of frame ids (frame_id, id, frame) or paths"),
        (["id,AU1", "a,1"], ["--id-column", "x"], ":1: no column 'x'; the columns are id, AU1"),
        (["id,AU1", "a/b,1"], [], ":2: frame id 'a/b' contains one of / \\ , ;"),
        (["id,AU1", "a,1", ",1"], [], ":3: nothing in column id"),
        (["id;AU1", "a;1"], [], ":1: cells are separated by semicolons; expected commas"),
        (["id,x,x,AU1", "a,1,2,1"], [], ":1: duplicate columns: x"),
        (["path,AU1", "x.jpg,1"], ["--photographs", "photos"], ":2: "),
        (["id,AU1", "a,1"], ["--photographs", "photos"], ":1: no column of paths"),
        (["video,frame,AU1", "a.mp4,one,1"], [], ":2: expected a frame number in column f"),
        (["video,frame,AU1", "a.mp4,0,1"], ["--first-frame", "1"], ":2: expected a frame number"),
        (["id,AU1", '"a""b",1'], [], ":2: frame id 'a\"b' contains one of"),
        (["id,AU1"], [], ": no rows"),
        (["id,AU1", "a"], [], ":2: has 1 cells, but the first line has 2"),
    ],
    ids=[
        *("text", "seven", "fraction", "fraction as occurrence", "no AU", "AU twice", "no such AU"),
        *("no id", "no such column", "slash", "empty id", "semicolons", "column twice"),
        *("photograph elsewhere", "no photographs", "no number", "number below the first", "quote"),
        *("no rows", "short row"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    tmp_path: Path,
    lines: list[str],
    flags: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = _write(tmp_path / "l.csv", *lines)
    assert main([str(labels), str(tmp_path / "out"), *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{labels}{message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (["id,AU1", "a,1"], ["id,AU2", "b,1"], "the tables differ in their AUs: ('AU1',) and"),
        (["id,AU1", "a,1"], ["id,AU1", "b,3"], "the tables differ in their kind: occurrence and"),
        (["id,AU1", "a,1"], ["id,AU1", "a,0"], "frame ids in several rows: a"),
    ],
)
def test_tables_that_do_not_go_together(
    tmp_path: Path,
    one: list[str],
    other: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [_write(tmp_path / "1.csv", *one), _write(tmp_path / "2.csv", *other)]
    assert main([*map(str, paths), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_no_image_at_all_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = _write(tmp_path / "l.csv", "path,AU1", "x.jpg,1", "y.jpg,0")
    assert main([str(labels), str(tmp_path / "out")]) == 2
    assert f"none of 2 images could be read, the first being {tmp_path}/x.jpg" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out" / "aus.csv").exists()


@pytest.mark.parametrize(
    ("lines", "flags", "ids"),
    [
        (["video,frame,AU1", "a/clip.mp4,0017,0", "b_2.avi,3.0,1"], [], ["clip_17", "b_2_3"]),
        (["input,frame,AU1", "clip.mp4,0,0", "clip.mp4,1,1"], [], ["clip_0", "clip_1"]),
        (["video,frame,AU1", "clip,1,0"], ["--first-frame", "1"], ["clip_0"]),
        (["id,video,frame,AU1", "1,clip.mp4,5,0"], [], ["clip_5"]),
        (["id,video,frame,AU1", "x,clip.mp4,5,0"], ["--id-column", "id"], ["x"]),
    ],
    ids=[
        "video and frame",
        "py-feat of a video",
        "counted from 1",
        "not its id",
        "its id if asked",
    ],
)
def test_rows_may_name_frames_of_videos(
    tmp_path: Path, lines: list[str], flags: list[str], ids: list[str]
) -> None:
    """By the ids under which frames extracts them; no image is sought."""
    labels = _write(tmp_path / "l.csv", *lines)
    assert main([str(labels), str(tmp_path / "out"), *flags]) == 0
    assert list(_table(tmp_path / "out")) == ids
    assert not (tmp_path / "out" / "imgs").exists()


def test_two_videos_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = _write(tmp_path / "l.csv", "video,frame,AU1", "a/clip.mp4,0,0", "b/clip.mp4,1,0")
    assert main([str(labels), str(tmp_path / "out")]) == 2
    assert "would both become 'clip'" in capsys.readouterr().err


def test_paths_of_both_sorts(images: Path, tmp_path: Path) -> None:
    """Relative and absolute ones in one table."""
    labels = _write(images / "l.csv", "path,AU1", "p1/x.jpg,0", f"{images}/p2/x.png,1")
    assert main([str(labels), str(tmp_path / "out")]) == 0
    assert list(_table(tmp_path / "out")) == ["p1_x", "p2_x"]


def test_photographs_that_are_not_there(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = _write(images / "l.csv", "path,AU1", "p1/x.jpg,0", "p1/none.jpg,1")
    flags = ["--photographs", str(images)]
    assert main([str(labels), str(tmp_path / "out"), *flags]) == 0
    printed = capsys.readouterr()
    assert list(_table(tmp_path / "out")) == ["p1_x"]
    assert f"(no such photograph): {images}/p1/none.jpg" in printed.err
    assert f"next: python -m create_dataset.frames images {images} {tmp_path}/out" in printed.out
    (images / "p1" / "x.jpg").unlink()
    assert main([str(labels), str(tmp_path / "other"), *flags]) == 2
    assert "none of 2 photographs exists" in capsys.readouterr().err
