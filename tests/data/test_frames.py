"""Loading a dataset directory: frames left out, warnings, and errors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.data.frames import Dataset, DatasetPaths, load_dataset
from audetnet.data.ids import IdFiles
from audetnet.errors import UserError

NAN = float("nan")
LABELS: dict[str, Sequence[float]] = {
    "A_0": [0, 1],
    "A_1": [1, 0],
    "B_0": [0, 9],
    "B_1": [1, 1],
    "C_0": [0, 0],
    "C_1": [NAN, 1],
}
TRAIN, TEST = ["A_0", "B_1", "A_1", "B_0"], ["C_1", "C_0"]
Write = Callable[..., Path]


def _load(directory: Path, **options: Any) -> Dataset:
    return load_dataset(
        DatasetPaths(directory=directory), regress=options.pop("regress", False), **options
    )


def test_sets_hold_their_frames_in_the_order_of_the_lists(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    dataset = _load(directory)
    assert dataset.train.ids == tuple(TRAIN)
    assert dataset.train.subjects == ("A", "B", "A", "B")
    assert dataset.train.paths == tuple(directory / "imgs" / f"{frame}.jpg" for frame in TRAIN)
    np.testing.assert_array_equal(dataset.train.labels, [[0, 1], [1, 1], [1, 0], [0, NAN]])
    np.testing.assert_array_equal(dataset.test.labels, [[NAN, 1], [0, 0]])
    assert dataset.train.labels.dtype == np.float32
    assert (len(dataset.train), len(dataset.test), dataset.validation) == (4, 2, None)
    assert (dataset.kind, dataset.notes) == ("occurrence", ())
    assert [frames.name for frames in dataset.sets()] == ["train", "test"]


def test_the_shipped_dataset_loads_without_a_note(minimal_data: Path) -> None:
    dataset = load_dataset(DatasetPaths(directory=minimal_data), regress=True)
    assert (len(dataset.train), len(dataset.test), dataset.notes) == (8, 4, ())
    assert (dataset.kind, len(dataset.au_names)) == ("intensity", 12)
    assert dataset.first_image_size() == (256, 256)


def test_names_within_the_directory_can_be_chosen(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    moves = {
        "imgs": "frames",
        "aus.pkl": "other.bin",
        "train_ids.csv": "fold1_train.txt",
        "test_ids.csv": "fold1_test.txt",
    }
    for old, new in moves.items():
        (directory / old).rename(directory / new)
    (directory / "a.pkl").touch()
    (directory / "b.pkl").touch()
    ids = IdFiles("fold1_train.txt", "fold1_test.txt")
    dataset = load_dataset(
        DatasetPaths(directory=directory, images="frames", labels="other.bin", ids=ids),
        regress=False,
    )
    assert dataset.train.ids == tuple(TRAIN)
    assert dataset.train.paths[0].parent == directory / "frames"


@pytest.mark.parametrize(
    ("without", "reason", "count", "named"),
    [
        (["X_0"], "an image", 1, "X_0"),
        ([f"X_{n}" for n in range(7)], "an image", 7, "X_0, X_1, X_2, X_3, X_4, ... (7 in all)"),
        (["X_0"], "labels", 1, "X_0"),
        ([f"X_{n}" for n in range(5)], "labels", 5, "X_0, X_1, X_2, X_3, X_4"),
    ],
    ids=["one image", "seven images", "one row of labels", "five rows of labels"],
)
def test_frames_without_image_or_labels_are_left_out_and_named(
    dataset_directory: Write, without: list[str], reason: str, count: int, named: str
) -> None:
    labels = LABELS if reason == "labels" else LABELS | dict.fromkeys(without, (0, 0))
    images = list(LABELS) if reason == "an image" else [*LABELS, *without]
    directory = dataset_directory(labels, [*without, *TRAIN], TEST, images=images)
    dataset = _load(directory)
    path = directory / "train_ids.csv"
    assert dataset.train.ids == tuple(TRAIN)
    assert dataset.notes == (
        f"{path}: {count} of {4 + count} ids left out for lack of {reason}: {named}",
    )


def test_a_frame_without_both_is_counted_once(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, [*TRAIN, "X_0"], TEST, images=list(LABELS))
    (note,) = _load(directory).notes
    assert "1 of 5 ids left out for lack of an image: X_0" in note


@pytest.mark.parametrize("images", [[], TRAIN], ids=["no image at all", "none of the test frames"])
def test_a_set_without_usable_frames_is_an_error(
    dataset_directory: Write, images: list[str]
) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST, images=images)
    with pytest.raises(UserError) as error:
        _load(directory)
    path = directory / ("test_ids.csv" if images else "train_ids.csv")
    ids = TEST if images else TRAIN
    assert str(error.value) == (
        f"{path}: none of its {len(ids)} ids has both an image and labels: {', '.join(ids)}"
    )


def test_duplicates_count_once_in_the_test_set_and_weigh_more_in_training(
    dataset_directory: Write,
) -> None:
    """A list that repeats rare frames balances training; a metric must see each frame once."""
    directory = dataset_directory(LABELS, [*TRAIN, "A_0", "A_0"], ["C_0", "C_1", "C_0", "C_0"])
    dataset = _load(directory)
    assert dataset.train.ids == (*TRAIN, "A_0", "A_0")
    assert dataset.test.ids == ("C_0", "C_1")
    assert len(dataset.test.labels) == len(dataset.test.paths) == len(dataset.test.subjects) == 2
    (note,) = dataset.notes
    assert "2 duplicates" in note
    assert "test" in note


def test_duplicates_count_once_in_the_validation_set(dataset_directory: Write) -> None:
    """Metrics are computed on it, as on the test set."""
    directory = dataset_directory(LABELS, [*TRAIN, "A_0", "B_0", "B_0"], TEST)
    dataset = _load(directory, validation_subjects=("B",))
    assert dataset.validation is not None
    assert dataset.validation.ids == ("B_1", "B_0")
    assert dataset.train.ids == ("A_0", "A_1", "A_0")


@pytest.mark.parametrize(
    ("train", "test", "named"),
    [
        (["A_0", "B_0"], ["C_0"], None),
        (["A_0", "B_0", "C_0"], ["C_0", "A_0"], "2 frames in both train and test"),
        (["A_0", "B_0"], ["A_1", "C_0"], "subjects in both train and test"),
    ],
    ids=["disjoint", "frames", "subjects"],
)
def test_overlaps_of_train_and_test_give_a_warning(
    dataset_directory: Write, train: list[str], test: list[str], named: str | None
) -> None:
    notes = _load(dataset_directory(LABELS, train, test)).notes
    if named is None:
        assert notes == ()
    else:
        assert len(notes) == 1
        assert notes[0].startswith("warning: ")
        assert named in notes[0]
        assert notes[0].endswith("A" if "subjects" in named else "A_0, C_0")


def test_validation_subjects_leave_the_training_set(dataset_directory: Write) -> None:
    dataset = _load(dataset_directory(LABELS, TRAIN, TEST), validation_subjects=("B",))
    assert dataset.validation is not None
    assert [frames.name for frames in dataset.sets()] == ["train", "validation", "test"]
    assert dataset.train.ids == ("A_0", "A_1")
    assert dataset.validation.ids == ("B_1", "B_0")
    assert dataset.validation.subjects == ("B", "B")
    np.testing.assert_array_equal(dataset.validation.labels, [[1, 1], [0, NAN]])
    np.testing.assert_array_equal(dataset.train.labels, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        (("D",), "validation_subjects names 'D', but the subjects are A, B"),
        (("A", "C"), "validation_subjects names 'C', but the subjects are A, B"),
        (("A", "B"), "validation_subjects leaves no training frames"),
    ],
    ids=["unknown", "of the test set", "everybody"],
)
def test_validation_subjects_must_leave_something_on_both_sides(
    dataset_directory: Write, subjects: tuple[str, ...], message: str
) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    with pytest.raises(UserError) as error:
        _load(directory, validation_subjects=subjects)
    assert str(error.value) == f"{directory / 'train_ids.csv'}: {message}"


@pytest.mark.parametrize(
    ("described", "asked", "expected"),
    [
        (None, None, ("column 0", "column 1")),
        (["AU6", "AU12"], None, ("AU6", "AU12")),
        (None, ("AU1", "AU2"), ("AU1", "AU2")),
        (["AU6", "AU12"], ("AU6", "AU12"), ("AU6", "AU12")),
    ],
    ids=["by column", "dataset.json", "cfg", "both"],
)
def test_au_names_come_from_the_data_else_from_the_cfg_else_are_columns(
    dataset_directory: Write,
    described: list[str] | None,
    asked: tuple[str, ...] | None,
    expected: tuple[str, ...],
) -> None:
    metadata = {} if described is None else {"aus": described}
    directory = dataset_directory(LABELS, TRAIN, TEST, metadata=metadata)
    assert _load(directory, au_names=asked).au_names == expected


@pytest.mark.parametrize(
    ("described", "asked", "message"),
    [
        (
            ["AU6", "AU12"],
            ("AU12", "AU6"),
            "{directory}/dataset.json: its AUs (AU6, AU12) differ from those of au_names of "
            "the cfg (AU12, AU6); delete au_names",
        ),
        (
            ["AU6"],
            None,
            "{directory}/aus.pkl: rows have 2 values, but {directory}/dataset.json names 1 AU",
        ),
        (
            None,
            ("AU1", "AU2", "AU4"),
            "{directory}/aus.pkl: rows have 2 values, but au_names of the cfg names 3 AUs",
        ),
    ],
    ids=["another order", "too few in dataset.json", "too many in the cfg"],
)
def test_au_names_that_disagree_are_refused(
    dataset_directory: Write,
    described: list[str] | None,
    asked: tuple[str, ...] | None,
    message: str,
) -> None:
    metadata = {} if described is None else {"aus": described}
    directory = dataset_directory(LABELS, TRAIN, TEST, metadata=metadata)
    with pytest.raises(UserError) as error:
        _load(directory, au_names=asked)
    assert str(error.value) == message.format(directory=directory)


def test_intensities_cannot_be_learnt_from_occurrences(dataset_directory: Write) -> None:
    """Also if their kind is not described, and no value exceeds 1."""
    directory = dataset_directory(LABELS, TRAIN, TEST, metadata={"kind": "occurrence"})
    assert _load(directory).kind == "occurrence"
    with pytest.raises(UserError) as error:
        _load(directory, regress=True)
    assert str(error.value).startswith(f"{directory / 'aus.pkl'}: the labels are occurrences")
    assert "regress_au_intensities=False" in str(error.value)


@pytest.mark.parametrize(
    "missing", ["dataset", "imgs", "train_ids.csv", "test_ids.csv", "aus.pkl"], ids=str
)
def test_each_missing_part_of_a_dataset_is_named(dataset_directory: Write, missing: str) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    path = directory if missing == "dataset" else directory / missing
    path.rename(directory.parent / "elsewhere")
    with pytest.raises(UserError) as error:
        _load(directory)
    assert str(directory if missing == "aus.pkl" else path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, False),
        ({"name": "elsewhere"}, False),
        ({"images": [*LABELS, "more"]}, False),
        ({"labels": LABELS | {"not listed": (1, 1)}}, False),
        ({"labels": LABELS | {"A_0": (1, 1)}}, True),
        ({"labels": LABELS | {"A_0": (0, 9)}}, True),
        ({"labels": LABELS | {"C_0": (0, 1)}}, True),
        ({"train": TRAIN[::-1]}, True),
        ({"train": TRAIN[:-1]}, True),
        ({"test": TEST[:-1]}, True),
        ({"test": TEST[::-1]}, True),
        ({"metadata": {"aus": ["AU1", "AU2"]}}, True),
        ({"metadata": {"kind": "intensity"}}, True),
        ({"validation_subjects": ("B",)}, True),
    ],
    ids=[
        *("the same again", "another place", "one more image", "labels of no listed frame"),
        *("a training label", "an unknown label", "a test label", "order", "fewer frames"),
        *("fewer test frames", "order of the test", "AU names", "kind", "validation set"),
    ],
)
def test_the_digest_is_of_ids_labels_and_names_not_of_paths(
    dataset_directory: Write, change: dict[str, Any], differs: bool
) -> None:
    options: dict[str, Any] = {"labels": LABELS, "train": TRAIN, "test": TEST}
    before = _load(dataset_directory(**options, name="before")).digest()
    subjects = change.get("validation_subjects")
    written = {key: value for key, value in change.items() if key != "validation_subjects"}
    directory = dataset_directory(**(options | {"name": "after"} | written))
    after = _load(directory, validation_subjects=subjects).digest()
    assert (before != after) == differs


def test_validation_frames_may_be_listed(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, ["A_0", "A_1"], TEST)
    (directory / "validation_ids.csv").write_text("B_1\nB_0\nB_1\n")
    dataset = _load(directory)
    assert dataset.validation is not None
    assert dataset.validation.ids == ("B_1", "B_0")
    assert dataset.train.ids == ("A_0", "A_1")
    assert dataset.notes == ("validation ids: 1 duplicate, counted once",)


def test_validation_frames_are_defined_only_once(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    (directory / "validation_ids.csv").write_text("B_1\n")
    with pytest.raises(UserError) as error:
        _load(directory, validation_subjects=("B",))
    assert str(error.value) == (
        f"{directory / 'validation_ids.csv'}: validation frames are already listed here; delete "
        "validation_subjects from the cfg, or this file"
    )


@pytest.mark.parametrize(
    ("listed", "both"), [("A_0\n", "train and validation"), ("C_0\n", "validation and test")]
)
def test_overlaps_with_the_validation_set_give_a_warning(
    dataset_directory: Write, listed: str, both: str
) -> None:
    directory = dataset_directory(LABELS, ["A_0", "A_1"], ["C_0"])
    (directory / "validation_ids.csv").write_text(listed)
    (note,) = _load(directory).notes
    assert note.startswith(f"warning: 1 frame in both {both}")


def test_the_lists_of_a_fold_are_read_or_suggested(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    (directory / "folds").mkdir()
    for fold in ("1", "2"):
        (directory / "folds" / fold).mkdir()
    for name in ("train_ids.csv", "test_ids.csv"):
        (directory / name).rename(directory / "folds" / "2" / name)
    paths = DatasetPaths(directory=directory, ids=IdFiles().of_fold("2"))
    assert load_dataset(paths, regress=False).train.ids == tuple(TRAIN)
    with pytest.raises(UserError) as error:
        _load(directory)
    assert str(error.value) == (
        f"{directory / 'train_ids.csv'}: no such file; this dataset has folds (1, 2): choose one "
        "with --fold"
    )


@pytest.mark.parametrize(
    ("metadata", "active_from"),
    [(None, 2), ({"threshold": 3}, 3), ({"kind": "occurrence", "threshold": 3}, 1)],
    ids=["the field's", "dataset.json", "occurrences"],
)
def test_labels_are_active_from_the_threshold_on(
    dataset_directory: Write, metadata: dict[str, Any] | None, active_from: float
) -> None:
    labels = LABELS if metadata and "kind" in metadata else {**LABELS, "A_0": [5, 0]}
    directory = dataset_directory(labels, TRAIN, TEST, metadata=metadata)
    dataset = _load(directory)
    assert dataset.active_from == active_from


def test_the_threshold_is_part_of_the_fingerprint(dataset_directory: Write) -> None:
    labels = {**LABELS, "A_0": [5, 0]}
    one = dataset_directory(labels, TRAIN, TEST, name="one")
    other = dataset_directory(labels, TRAIN, TEST, name="other", metadata={"threshold": 3})
    assert _load(one).digest() != _load(other).digest()


def test_names_of_a_table_are_those_of_the_data(dataset_directory: Write) -> None:
    directory = dataset_directory(LABELS, TRAIN, TEST)
    (directory / "aus.pkl").unlink()
    rows = "".join(f"{frame},{row[0]},{row[1]}\n" for frame, row in LABELS.items())
    (directory / "aus.csv").write_text(f"frame,AU6,AU12\n{rows}")
    dataset = _load(directory)
    assert dataset.au_names == ("AU6", "AU12")
    np.testing.assert_array_equal(dataset.train.labels, [[0, 1], [1, 1], [1, 0], [0, NAN]])
    (directory / "dataset.json").write_text('{"aus": ["AU12", "AU6"]}')
    with pytest.raises(UserError, match="make them the same"):
        _load(directory)


def test_training_labels_that_are_all_unknown_are_refused(dataset_directory: Write) -> None:
    """Also if validation subjects take the known ones."""
    labels = {**LABELS, "A_0": [9, 9], "A_1": [9, 9]}
    directory = dataset_directory(labels, TRAIN, TEST)
    with pytest.raises(UserError) as error:
        _load(directory, validation_subjects=("B",))
    assert str(error.value) == f"{directory / 'aus.pkl'}: no AU of any train frame is known"
