"""The check of a dataset directory: a sound one, each fault alone, and all at once."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from audetnet.data.cache import pack_frames
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.images import ImageError, find_images, inspect_image, read_image
from audetnet.data.stem_outputs import Stem, pack_stem_outputs
from create_dataset.check import main
from create_dataset.checking.checks import CHECKS
from tests.conftest import ROOT

CPU = torch.device("cpu")
TRAIN = ("A_0", "A_1", "B_0", "B_1")
TEST = ("C_0", "C_1", "D_0", "D_1")
ROWS = {frame: [row % 2, (row + 1) % 2] for row, frame in enumerate((*TRAIN, *TEST))}
"""Each AU is active in one frame of each subject."""
Change = Callable[[Path], object]


def write_image(path: Path, seed: int, size: tuple[int, int] = (24, 16), **options: Any) -> None:
    """A noisy RGB image of that (width, height), in the format of its name."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def write_ids(path: Path, ids: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{frame}\n" for frame in ids))


def write_table(directory: Path, rows: dict[str, Any]) -> None:
    table = {frame: np.array(row, dtype=float) for frame, row in rows.items()}
    (directory / "aus.pkl").write_bytes(pickle.dumps(table))


def write_metadata(directory: Path, **content: Any) -> None:
    (directory / "dataset.json").write_text(
        json.dumps({"aus": ["AU1", "AU2"], "kind": "occurrence", **content})
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Four subjects of two frames, of which two are for training; nothing is wrong with it."""
    root = tmp_path / "data"
    (root / "imgs").mkdir(parents=True)
    for seed, frame in enumerate(ROWS):
        write_image(root / "imgs" / f"{frame}.jpg", seed)
    write_table(root, ROWS)
    write_ids(root / "train_ids.csv", TRAIN)
    write_ids(root / "test_ids.csv", TEST)
    write_metadata(root)
    return root


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs the script with --json; returns what it printed and, as "status", its exit status."""

    def run(directory: Path, *flags: str) -> dict[str, Any]:
        status = main([str(directory), "--json", *flags])
        output = capsys.readouterr().out
        return {**json.loads(output), "status": status}

    return run


Report = Callable[..., dict[str, Any]]


def test_a_sound_directory_has_no_findings(directory: Path, report: Report) -> None:
    result = report(directory)
    assert result["findings"] == []
    assert (result["status"], result["errors"], result["warnings"]) == (0, 0, 0)


def test_a_sound_cache_has_no_findings_and_is_counted(
    directory: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    pack_images(directory, directory / "cache")
    result = report(directory)
    (array,) = (directory / "cache").glob("*.npy")
    assert result["findings"] == []
    assert result["cache"] == [{"array": str(array), "frames": 8, "damaged": 0}]
    main([str(directory)])
    assert "cache    8 packed frames in 1 files, 0 damaged\n" in capsys.readouterr().out


def test_what_a_stem_made_is_checked_as_well(directory: Path, report: Report) -> None:
    frames = pack_frames(
        images := find_images(directory / "imgs"), (16, 24), False, directory / "cache"
    )
    stem = Stem(run=lambda x: x[:, :, :4, :4], row=(3, 4, 4), device=CPU, made_by="it")
    paths = DatasetPaths(directory=directory)
    pack_stem_outputs(stem, frames, load_dataset(paths, False), 2, directory / "cache")
    (_, array) = sorted((directory / "cache").glob("*.npy"))
    assert array.name.startswith("stem-") and len(images) == 8
    result = report(directory)
    assert result["findings"] == []
    assert result["cache"][1] == {"array": str(array), "frames": 8 + 4, "damaged": 0}
    outputs = np.load(array, mmap_mode="r+")
    outputs[0, 0, 0, 0] += 1
    outputs.flush()
    (finding,) = report(directory)["findings"]
    assert (finding["code"], finding["first"]) == ("damaged-cache", ["A_0"])
    assert str(array) in finding["message"]
    array.with_suffix(".json").unlink()
    (finding,) = report(directory)["findings"]
    assert finding["code"] == "outdated-cache"
    assert finding["message"].startswith(f"{array}: ")


def test_a_cache_elsewhere_is_named(
    directory: Path, tmp_path: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    pack_images(directory, tmp_path / "fast")
    (array,) = (tmp_path / "fast").glob("*.npy")
    _flip_first_pixel(array)
    result = report(directory, "--cache", str(tmp_path / "fast"))
    assert [f["code"] for f in result["findings"]] == ["damaged-cache"] and result["status"] == 1
    assert str(array) in result["findings"][0]["message"]
    assert "delete" in result["findings"][0]["message"]
    assert main([str(directory), "--cache", str(tmp_path / "none")]) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_facts_are_those_of_the_directory(directory: Path, report: Report) -> None:
    write_table(directory, {**ROWS, "A_0": [9, 1], "A_1": [1, 1]})
    result = report(directory)
    assert result["directory"] == str(directory)
    assert result["images"] == {
        "folder": str(directory / "imgs"),
        "files": 8,
        "readable": 8,
        "sizes": {"16x24": 8},
    }
    assert result["labels"]["kind"] == "occurrence" and result["labels"]["kind_is_said"] is True
    assert result["labels"]["active_from"] == 1 and result["labels"]["frames"] == 8
    train, test = result["sets"]
    assert (train["set"], train["fold"], train["ids"], train["frames"]) == ("train", None, 4, 4)
    assert train["subjects"] == {"A": 2, "B": 2} and test["subjects"] == {"C": 2, "D": 2}
    assert train["aus"] == [
        {"au": "AU1", "known": 3, "active": 2, "rate": 2 / 3},
        {"au": "AU2", "known": 4, "active": 3, "rate": 3 / 4},
    ]


def _cached(spoil: Change) -> Change:
    """The images packed as training does, then the array changed."""

    def change(root: Path) -> None:
        pack_images(root, root / "cache")
        (array,) = (root / "cache").glob("*.npy")
        spoil(array)

    return change


def pack_images(root: Path, cache: Path) -> None:
    pack_frames(find_images(root / "imgs"), (16, 24), False, cache)


def _flip_first_pixel(array: Path) -> None:
    pixels = np.load(array, mmap_mode="r+")
    pixels[0, 0, 0, 0] ^= 1
    pixels.flush()


def _truncate(name: str, kept: float = 0.7) -> Change:
    def change(root: Path) -> None:
        content = (root / "imgs" / name).read_bytes()
        (root / "imgs" / name).write_bytes(content[: int(len(content) * kept)])

    return change


def _image(name: str, mode: str | None = None, remove: str | None = None, **options: Any) -> Change:
    def change(root: Path) -> None:
        path = root / "imgs" / name
        if mode is None:
            write_image(path, 99, **options)
        else:
            dtype = np.uint16 if mode == "I;16" else np.uint8
            pixels = np.random.default_rng(5).integers(0, 255, (16, 24), dtype=dtype)
            Image.fromarray(pixels).save(path)
        if remove:
            (root / "imgs" / remove).unlink()

    return change


def _text(name: str, text: str) -> Change:
    def change(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    return change


def _copy(source: str, target: str) -> Change:
    return lambda root: shutil.copy(root / "imgs" / source, root / "imgs" / target)


def _ids(name: str, *ids: str) -> Change:
    return lambda root: write_ids(root / name, ids)


def _rows(**rows: Any) -> Change:
    return lambda root: write_table(root, {**ROWS, **rows})


def _columns(frames: Iterable[str], column: int, value: float) -> Change:
    """A table whose AU has that value in those frames."""

    def row(frame: str, values: list[int]) -> list[float]:
        return [
            value if frame in chosen and c == column else float(v) for c, v in enumerate(values)
        ]

    chosen = set(frames)
    return lambda root: write_table(root, {f: row(f, values) for f, values in ROWS.items()})


def _remove(name: str) -> Change:
    return lambda root: (root / name).unlink()


def _metadata(**content: Any) -> Change:
    return lambda root: write_metadata(root, **content)


def _all(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


class Surprise:
    """What no table may hold."""


def _pickled_class(root: Path) -> None:
    (root / "aus.pkl").write_bytes(pickle.dumps({"A_0": Surprise()}))


def _fold(train: Iterable[str], test: Iterable[str], name: str = "1") -> Change:
    return _all(
        _ids(f"folds/{name}/train_ids.csv", *train), _ids(f"folds/{name}/test_ids.csv", *test)
    )


GOOD_FOLD = _fold(TRAIN, TEST)
FAULTS: dict[str, tuple[Change, str, str, int, list[str]]] = {
    # what: (change, severity, code, count, first)
    "truncated JPEG": (_truncate("B_0.jpg"), "error", "unreadable-image", 1, ["B_0"]),
    "two truncated JPEGs": (
        _all(_truncate("B_0.jpg", 0.95), _truncate("C_1.jpg", 0.9)),
        "error",
        "unreadable-image",
        2,
        ["B_0", "C_1"],
    ),
    "text called JPEG": (_text("imgs/C_0.jpg", "no"), "error", "unreadable-image", 1, ["C_0"]),
    "empty file": (_text("imgs/C_0.jpg", ""), "error", "unreadable-image", 1, ["C_0"]),
    "two empty files": (
        _all(_text("imgs/A_0.jpg", ""), _text("imgs/C_0.jpg", "")),
        "error",
        "unreadable-image",
        2,
        ["A_0", "C_0"],
    ),
    "truncated PNG": (
        _all(_image("A_1.png", remove="A_1.jpg"), _truncate("A_1.png")),
        "error",
        "unreadable-image",
        1,
        ["A_1"],
    ),
    "16-bit PNG": (
        _image("A_1.png", mode="I;16", remove="A_1.jpg"),
        "error",
        "unreadable-image",
        1,
        ["A_1"],
    ),
    "folder called JPEG": (
        _all(_remove("imgs/A_0.jpg"), lambda root: (root / "imgs" / "A_0.jpg").mkdir()),
        "error",
        "unreadable-image",
        1,
        ["A_0"],
    ),
    "other size": (_image("D_1.jpg", size=(16, 24)), "error", "odd-size", 1, ["D_1"]),
    "grey": (
        _image("D_1.png", mode="L", remove="D_1.jpg"),
        "info",
        "grey-image",
        1,
        ["D_1"],
    ),
    "PNG in .jpg": (_image("D_1.jpg", format="PNG"), "info", "misnamed-image", 1, ["D_1"]),
    "BMP in .jpg": (_image("D_1.jpg", format="BMP"), "error", "unreadable-image", 1, ["D_1"]),
    "file of another kind": (
        _text("imgs/Thumbs.db", ""),
        "info",
        "ignored-file",
        1,
        ["Thumbs.db"],
    ),
    "damaged pixels in the cache": (
        _cached(_flip_first_pixel),
        "error",
        "damaged-cache",
        1,
        ["A_0"],
    ),
    "a cache of another shape": (
        _cached(lambda array: np.save(array, np.zeros(3))),
        "info",
        "outdated-cache",
        1,
        [],
    ),
    "a cache of an older version": (
        _cached(lambda array: array.with_suffix(".json").write_text('{"version": 2}')),
        "info",
        "outdated-cache",
        1,
        [],
    ),
    "a cache header that nests deep": (
        _cached(lambda array: array.with_suffix(".json").write_text("[" * 100_000)),
        "info",
        "outdated-cache",
        1,
        [],
    ),
    "a cache that is a directory": (
        lambda root: (root / "cache" / "frames-1x1-0.npy").mkdir(parents=True),
        "error",
        "unreadable-cache",
        1,
        [],
    ),
    "second file of an id": (_image("A_0.png"), "info", "ignored-file", 1, ["A_0.png"]),
    "image without id": (_image("E_0.jpg"), "warning", "image-without-id", 1, ["E_0"]),
    "copy within a set": (_copy("A_0.jpg", "B_1.jpg"), "warning", "same-image", 2, ["A_0", "B_1"]),
    "copy in the other set": (
        _copy("A_0.jpg", "C_1.jpg"),
        "error",
        "same-image-in-two-sets",
        2,
        ["A_0", "C_1"],
    ),
    "no image folder": (
        lambda root: shutil.rmtree(root / "imgs"),
        "error",
        "no-images",
        1,
        [],
    ),
    "id without image": (_remove("imgs/A_1.jpg"), "warning", "id-without-image", 1, ["A_1"]),
    "id without label": (
        lambda root: write_table(root, {f: r for f, r in ROWS.items() if f != "D_0"}),
        "warning",
        "id-without-label",
        1,
        ["D_0"],
    ),
    "repeated training id": (
        _ids("train_ids.csv", *TRAIN, "A_0", "A_0"),
        "info",
        "repeated-id",
        1,
        ["A_0"],
    ),
    "repeated test id": (
        _ids("test_ids.csv", *TEST, "C_0"),
        "warning",
        "repeated-id",
        1,
        ["C_0"],
    ),
    "no training list": (_remove("train_ids.csv"), "error", "missing-ids", 1, []),
    "no test list": (_remove("test_ids.csv"), "error", "missing-ids", 1, []),
    "empty list": (_text("test_ids.csv", "\n\n"), "error", "unreadable-ids", 1, []),
    "a table for a list": (_text("test_ids.csv", "a,b\n"), "error", "unreadable-ids", 1, []),
    "list of other ids": (
        _ids("test_ids.csv", "x1_0", "x1_1"),
        "error",
        "no-frames",
        2,
        ["x1_0", "x1_1"],
    ),
    "frame in both sets": (
        _ids("test_ids.csv", *TEST, "A_1"),
        "error",
        "shared-frame",
        1,
        ["A_1"],
    ),
    "subject in both sets": (
        _all(_ids("train_ids.csv", *TRAIN, "C_0"), _ids("test_ids.csv", *TEST[1:])),
        "error",
        "shared-subject",
        1,
        ["C"],
    ),
    "subject in validation and test": (
        _ids("validation_ids.csv", "C_0", "D_1"),
        "error",
        "shared-subject",
        2,
        ["C", "D"],
    ),
    "subjects in both sets of a fold": (
        _fold((*TRAIN, "D_0"), ("C_0", "C_1", "D_1"), "2"),
        "error",
        "shared-subject",
        1,
        ["D"],
    ),
    "copy in both sets of a fold": (
        _all(_copy("A_0.jpg", "B_1.jpg"), _fold(("A_0", "A_1", "C_0", "C_1"), ("B_0", "B_1"))),
        "error",
        "same-image-in-two-sets",
        2,
        ["A_0", "B_1"],
    ),
    "fold without a test list": (
        _ids("folds/1/train_ids.csv", *TRAIN),
        "error",
        "missing-ids",
        1,
        [],
    ),
    "folds with a common test frame": (
        _all(GOOD_FOLD, _fold((*TRAIN,), ("C_0", "D_1"), "2")),
        "warning",
        "folds-share-test",
        2,
        ["C_0", "D_1"],
    ),
    "single subject": (
        _ids("test_ids.csv", *TEST[:2]),
        "warning",
        "single-subject",
        1,
        ["test"],
    ),
    "pattern that takes all": (
        _metadata(subject_pattern=".*"),
        "warning",
        "subject-per-frame",
        8,
        ["A_0", "A_1", "B_0", "B_1", "C_0"],
    ),
    "frame without subject": (
        _all(_metadata(subjects="subjects.csv"), _text("subjects.csv", "frame,subject\nA_0,A\n")),
        "error",
        "no-subject",
        1,
        [],
    ),
    "constant column": (_columns(ROWS, 1, 0), "warning", "constant-column", 1, ["AU2 (0)"]),
    "AU never active in test": (_columns(TEST, 0, 0), "warning", "no-positives", 1, ["AU1"]),
    "AU always active in test": (_columns(TEST, 1, 1), "warning", "no-negatives", 1, ["AU2"]),
    "AU unknown in test": (_columns(TEST, 1, 9), "warning", "unknown-au", 1, ["AU2"]),
    "nothing known in test": (
        _rows(**{frame: [9, np.nan] for frame in TEST}),
        "error",
        "no-known-label",
        1,
        [],
    ),
    "class in the pickle": (_pickled_class, "error", "unreadable-table", 1, []),
    "label out of range": (_rows(A_0=[0, 3]), "error", "unreadable-table", 1, []),
    "two tables": (
        _text("aus.csv", "frame,AU1,AU2\nA_0,0,1\n"),
        "error",
        "no-single-table",
        1,
        [],
    ),
    "no table": (_remove("aus.pkl"), "error", "no-single-table", 1, []),
    "unknown key": (_metadata(thresold=2), "error", "metadata", 1, []),
    "not JSON": (_text("dataset.json", "{"), "error", "metadata", 1, []),
    "other number of AUs": (_metadata(aus=["AU1"]), "error", "au-names", 1, []),
    "no names": (_text("dataset.json", '{"kind": "occurrence"}'), "info", "unnamed-aus", 1, []),
    "no kind": (_text("dataset.json", '{"aus": ["AU1", "AU2"]}'), "info", "guessed-kind", 1, []),
}
FOLLOW = {
    "no image folder": set(),
    "list of other ids": {"id-without-image", "id-without-label", "image-without-id"},
    "frame in both sets": {"shared-subject"},
    "subject in validation and test": {"shared-frame"},
    "empty list": {"image-without-id"},
    "no training list": {"image-without-id"},
    "no test list": {"image-without-id"},
    "a table for a list": {"image-without-id"},
    "constant column": {"no-positives"},
    "single subject": {"image-without-id"},
    "not JSON": {"unnamed-aus", "guessed-kind"},
    "copy in both sets of a fold": {"single-subject", "same-image"},
    "other number of AUs": set(),
    "fold without a test list": set(),
}
"""What else is found where one fault has other effects."""


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_alone(directory: Path, report: Report, fault: str) -> None:
    change, severity, code, count, first = FAULTS[fault]
    change(directory)
    result = report(directory)
    found = [f for f in result["findings"] if f["code"] == code]
    assert [(f["severity"], f["count"], f["first"]) for f in found] == [(severity, count, first)]
    assert "\n" not in found[0]["message"] and str(directory) in found[0]["message"]
    others = {f["code"] for f in result["findings"]} - {code}
    assert others - FOLLOW.get(fault, set()) == set()
    errors = [f for f in result["findings"] if f["severity"] == "error"]
    assert result["errors"] == len(errors) and result["status"] == (1 if errors else 0)


@pytest.mark.parametrize("options", [{"format": "JPEG"}, {"format": "PNG"}])
def test_a_quick_look_finds_what_reading_would(tmp_path: Path, options: dict[str, Any]) -> None:
    """JPEGs are decoded at a smaller scale: cut anywhere or with a byte changed, they fail where
    training's own reading fails.
    """
    path = tmp_path / "image"
    write_image(path, 0, size=(40, 24), **options)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    failures = 0
    for trial in range(400):
        at = int(random.integers(0, len(content)))
        byte = bytes([int(random.integers(0, 256))])
        damaged = content[:at] if trial % 2 else content[:at] + byte + content[at + 1 :]
        path.write_bytes(damaged)
        expected = _outcome(lambda: read_image(path, (24, 40)).shape)
        found = _outcome(lambda data=damaged: inspect_image(path, data))
        assert (found is None) == (expected is None), f"trial {trial}, byte {at}"
        failures += expected is None
    assert 150 < failures < 400


def _outcome(look: Callable[[], object]) -> object | None:
    try:
        return look()
    except ImageError:
        return None


def test_every_check_is_seen_to_find_something() -> None:
    """A new check needs a fault above; codes of what cannot be read are not those of a check."""
    reading = {
        "no-images",
        "missing-ids",
        "unreadable-ids",
        "no-subject",
        "unreadable-table",
        "no-single-table",
        "metadata",
        "au-names",
    }
    codes = {fault[2] for fault in FAULTS.values()} - reading
    assert len(CHECKS) == len(codes) - 1, "identical_images has two codes, the others one each"


def test_all_faults_at_once_are_found_in_one_pass(directory: Path, report: Report) -> None:
    """Broken metadata, lists and images do not hide each other."""
    for change in (
        _truncate("B_0.jpg"),
        _image("D_1.jpg", size=(16, 24)),
        _copy("A_0.jpg", "C_1.jpg"),
        _pickled_class,
        _ids("test_ids.csv", *TEST, "A_1"),
        _metadata(thresold=2, threshold=7),
        _ids("validation_ids.csv", *TRAIN),
        _text("folds/1/test_ids.csv", ""),
    ):
        change(directory)
    result = report(directory)
    codes = [f["code"] for f in result["findings"] if f["severity"] == "error"]
    assert sorted(codes) == [
        "metadata",
        "metadata",
        "missing-ids",
        "odd-size",
        "same-image-in-two-sets",
        "same-image-in-two-sets",
        *["shared-frame"] * 3,
        *["shared-subject"] * 3,
        "unreadable-ids",
        "unreadable-image",
        "unreadable-table",
    ]
    assert result["labels"] is None and result["images"]["readable"] == 7


def test_folds_need_no_plain_lists(directory: Path, report: Report) -> None:
    GOOD_FOLD(directory)
    _remove("train_ids.csv")(directory)
    _remove("test_ids.csv")(directory)
    result = report(directory)
    assert result["findings"] == [] and {s["fold"] for s in result["sets"]} == {"1"}


def test_folds_may_train_on_what_others_test(directory: Path, report: Report) -> None:
    GOOD_FOLD(directory)
    _fold(TEST, TRAIN, "2")(directory)
    assert report(directory)["findings"] == []


def test_a_listed_id_without_image_or_label_leaks_nothing(directory: Path, report: Report) -> None:
    """Training leaves it out of both sets."""
    write_ids(directory / "train_ids.csv", [*TRAIN, "Z_0"])
    write_ids(directory / "test_ids.csv", [*TEST, "Z_0"])
    codes = {f["code"] for f in report(directory)["findings"]}
    assert codes == {"id-without-image", "id-without-label"}


def test_sizes_do_not_matter_where_the_cfg_resizes(directory: Path, report: Report) -> None:
    write_image(directory / "imgs" / "D_1.jpg", 9, size=(16, 24))
    result = report(directory, "--resized")
    assert [f["severity"] for f in result["findings"]] == ["info"] and result["status"] == 0


def test_an_unreadable_image_that_no_list_names_stops_nobody(
    directory: Path, report: Report
) -> None:
    (directory / "imgs" / "E_0.jpg").write_text("no")
    result = report(directory)
    assert {(f["code"], f["severity"]) for f in result["findings"]} == {
        ("unreadable-image", "warning"),
        ("image-without-id", "warning"),
    }
    assert result["status"] == 0


def test_right_keys_hold_where_another_is_wrong(directory: Path, report: Report) -> None:
    """Else the default pattern would tell other subjects."""
    write_metadata(directory, subject_pattern=".", thresold=1)
    result = report(directory)
    assert [f["code"] for f in result["findings"]] == ["metadata"]
    assert result["labels"]["aus"][0]["au"] == "AU1"


def test_names_of_images_and_table_can_be_given(directory: Path, report: Report) -> None:
    (directory / "imgs").rename(directory / "faces")
    (directory / "aus.csv").write_text("frame,AU1,AU2\n")
    result = report(directory, "--images", "faces", "--labels", "aus.pkl")
    assert result["findings"] == []


def test_an_intensity_below_the_threshold_is_no_positive(directory: Path, report: Report) -> None:
    write_table(directory, {frame: [3 * a, 3 * b] for frame, (a, b) in ROWS.items()})
    write_metadata(directory, kind="intensity", threshold=4)
    result = report(directory)
    assert {(f["code"], f["count"]) for f in result["findings"]} == {("no-positives", 2)}
    assert result["labels"]["active_from"] == 4


def test_an_au_that_was_never_coded_is_unknown_not_constant(
    directory: Path, report: Report
) -> None:
    _columns(ROWS, 1, 9)(directory)
    findings = report(directory)["findings"]
    assert [(f["code"], f["first"]) for f in findings] == [("unknown-au", ["AU2"])] * 2


def test_people_read_tables_findings_and_a_verdict(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy("A_0.jpg", "B_1.jpg")(directory)
    _truncate("C_0.jpg")(directory)
    assert main([str(directory)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"dataset  {directory}"
    assert lines[1].endswith("8 files; height x width: 7 of 16x24")
    assert any(line.split() == ["train", "4", "4", "2", "2-2"] for line in lines)
    assert any(line.startswith("AU1 ") and "50.0 %" in line for line in lines)
    assert [line.split(":")[0] for line in lines[-3:-1]] == ["error", "warning"]
    assert lines[-1] == "1 error, 1 warning: training would fail or mislead"


def test_many_findings_of_a_code_are_cut_short(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fold in range(12):
        _fold((*TRAIN, "C_0"), TEST, str(fold))(directory)
    main([str(directory)])
    lines = capsys.readouterr().out.splitlines()
    assert sum("[shared-frame]" in line for line in lines) == 6
    assert "error: 7 more [shared-frame]: see --json" in lines


def test_the_shipped_data_have_no_errors(minimal_data: Path, report: Report) -> None:
    result = report(minimal_data)
    assert result["errors"] == 0 and result["status"] == 0


def test_a_wrong_command_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"{tmp_path / 'none'}: no such directory\n" and captured.out == ""
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_it_runs_as_a_module(directory: Path) -> None:
    _truncate("A_0.jpg")(directory)
    result = subprocess.run(
        [sys.executable, "-m", "create_dataset.check", str(directory), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert json.loads(result.stdout)["errors"] == 1 and result.stderr == ""
