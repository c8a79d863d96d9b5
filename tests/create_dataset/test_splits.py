"""Splits by subject as a user makes them, and what training reads of them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.ids import IdFiles, find_folds, read_ids
from audetnet.data.metadata import read_metadata, update_metadata
from audetnet.data.tables import write_labels
from create_dataset.splits import main

SUBJECTS = [f"SN{n:03d}" for n in range(1, 10)]
FRAMES = 10
SETS = ("train", "validation", "test")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Nine subjects of ten frames. AU1 is active in half of all frames, AU2 in SN001, SN002 and
    SN003 only, AU4 in SN009 only.
    """
    directory = tmp_path / "data"
    (directory / "imgs").mkdir(parents=True)
    ids = [f"{subject}_{n}" for subject in SUBJECTS for n in range(FRAMES)]
    values = np.zeros((len(ids), 3), dtype=np.float32)
    values[::2, 0] = 3
    values[: 3 * FRAMES : 5, 1] = 2
    values[-1, 2] = 5
    write_labels(directory, ids, values, ("AU1", "AU2", "AU4"), "csv")
    for frame in ids:
        (directory / "imgs" / f"{frame}.jpg").touch()
    update_metadata(directory, kind="intensity")
    return directory


def _ids(directory: Path, name: str, fold: str | None = None) -> list[str]:
    files = IdFiles() if fold is None else IdFiles().of_fold(fold)
    path = directory / getattr(files, name)
    return read_ids(path) if path.is_file() else []


def _people(ids: Sequence[str]) -> set[str]:
    return {frame.split("_")[0] for frame in ids}


def test_k_folds_test_every_subject_once(data: Path) -> None:
    assert main([str(data), "--k", "3", "--validation", "2"]) == 0
    assert find_folds(data) == ["1", "2", "3"]
    tested: list[str] = []
    for fold in ("1", "2", "3"):
        sets = {name: _ids(data, name, fold) for name in SETS}
        assert sorted(frame for ids in sets.values() for frame in ids) == sorted(
            f"{subject}_{n}" for subject in SUBJECTS for n in range(FRAMES)
        )
        people = {name: _people(ids) for name, ids in sets.items()}
        assert {name: len(who) for name, who in people.items()} == {
            "train": 4,
            "validation": 2,
            "test": 3,
        }
        assert len(people["test"] & {"SN001", "SN002", "SN003"}) == 1, "AU2 in every test part"
        tested += people["test"]
    assert sorted(tested) == SUBJECTS
    parts = read_metadata(data).folds
    assert parts is not None
    assert {fold: set(part) for fold, part in parts.items()} == {
        fold: _people(_ids(data, "test", fold)) for fold in ("1", "2", "3")
    }


def test_training_reads_a_fold(data: Path) -> None:
    assert main([str(data), "--k", "3", "--validation", "1"]) == 0
    dataset = load_dataset(DatasetPaths(directory=data, ids=IdFiles().of_fold("2")), regress=True)
    assert dataset.validation is not None
    assert [len(frames) for frames in dataset.sets()] == [50, 10, 30]
    assert dataset.notes == ()


def test_where_an_au_has_no_active_frame_is_said(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), "--k", "3"]) == 0
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if "AU4 (1)" in line]
    assert len(lines) == 3, "SN009 alone has AU4: two test parts and one training set lack it"
    assert sum("test: no active frame of AU4 (1)" in line for line in lines) == 2
    assert "AU1 (" not in shown.err
    assert "AU2 (" not in shown.err
    header, first = shown.out.splitlines()[:2]
    assert header.split() == ["active", "frames,", "%", "AU1", "AU2", "AU4"]
    assert first.split()[:4] == ["fold", "1", "train", "50.0"]


def test_the_folds_of_dataset_json_are_used_as_they_are(data: Path) -> None:
    """Subjects that are named there but have no frames do no harm, and stay named."""
    parts = {"1": ("SN001", "SN002", "SN777"), "2": tuple(SUBJECTS[2:])}
    update_metadata(data, folds=parts)
    assert main([str(data), "--folds"]) == 0
    assert _people(_ids(data, "test", "1")) == {"SN001", "SN002"}
    assert _people(_ids(data, "train", "1")) == set(SUBJECTS[2:])
    assert _people(_ids(data, "test", "2")) == set(SUBJECTS[2:])
    assert read_metadata(data).folds == parts


def test_leaving_one_subject_out_makes_a_fold_of_each(data: Path) -> None:
    assert main([str(data), "--leave-one-subject-out"]) == 0
    assert find_folds(data) == SUBJECTS
    for subject in SUBJECTS:
        assert _people(_ids(data, "test", subject)) == {subject}
        assert _people(_ids(data, "train", subject)) == set(SUBJECTS) - {subject}


def test_one_split_by_fraction_or_by_name(data: Path) -> None:
    assert main([str(data), "--test", "0.33", "--validation", "0.2"]) == 0
    people = {name: _people(_ids(data, name)) for name in SETS}
    assert {name: len(who) for name, who in people.items()} == {
        "train": 5,
        "validation": 1,
        "test": 3,
    }
    assert main([str(data), "--test-subjects", "SN004,SN009"]) == 0
    assert _people(_ids(data, "test")) == {"SN004", "SN009"}
    assert _people(_ids(data, "train")) == set(SUBJECTS) - {"SN004", "SN009"}
    assert _ids(data, "validation") == [], "the list of the split before has gone"


def test_validation_subjects_may_be_named(data: Path) -> None:
    command = [str(data), "--test-subjects", "SN004", "--validation-subjects", "SN001,SN002"]
    assert main(command) == 0
    assert _people(_ids(data, "validation")) == {"SN001", "SN002"}
    assert not _people(_ids(data, "train")) & {"SN001", "SN002", "SN004"}


def test_frames_without_image_are_left_out_and_named(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "imgs" / "SN003_4.jpg").unlink()
    assert main([str(data), "--k", "3"]) == 0
    listed = [frame for fold in "123" for frame in _ids(data, "test", fold)]
    assert len(listed) == 89
    assert "SN003_4" not in listed
    assert f"left out 1 (no image in {data / 'imgs'}): SN003_4" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_folds_and_another_others(data: Path) -> None:
    def folds(seed: str) -> dict[str, bytes]:
        assert main([str(data), "--k", "3", "--validation", "2", "--seed", seed]) == 0
        return {str(p.relative_to(data)): p.read_bytes() for p in data.glob("folds/*/*.csv")}

    first = folds("0")
    assert len(first) == 9
    assert folds("0") == first
    assert folds("1") != first


def test_folds_of_an_earlier_run_go(data: Path) -> None:
    assert main([str(data), "--leave-one-subject-out"]) == 0
    assert main([str(data), "--k", "2"]) == 0
    assert find_folds(data) == ["1", "2"]
    assert not (data / "folds.unfinished").exists()


def test_a_random_split_by_frame_says_what_it_is(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), "--random-frames", "0.2"]) == 0
    assert "warning: " in capsys.readouterr().err
    assert len(_ids(data, "test")) == 18
    assert len(_ids(data, "train")) == 72
    assert not set(_ids(data, "test")) & set(_ids(data, "train"))
    dataset = load_dataset(DatasetPaths(directory=data), regress=True)
    assert any("subjects in both train and test" in note for note in dataset.notes)
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "numbers come out far too high and say nothing about new people" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--k", "10"], "--k 10: only 9 subjects: SN001,"),
        (["--folds"], '{data}/dataset.json: has no "folds"; choose --k K or --leave-one'),
        (["--test-subjects", "SN099"], "--test-subjects: no frames of SN099; subjects are "),
        (["--test-subjects", ",".join(SUBJECTS)], "--test-subjects: leaves no subject to train on"),
        (
            ["--k", "3", "--validation", "6"],
            "--validation 6: takes 6 of 6 subjects, leaving none",
        ),
        (
            ["--test-subjects", "SN001", "--validation-subjects", "SN001"],
            "--validation-subjects: 0 of the 8 training subjects",
        ),
        (["--random-frames", "0.2", "--validation", "1"], "--random-frames: --validation takes"),
        (["--labels", "none.csv", "--k", "3"], "{data}/none.csv: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    data: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message.format(data=data))
    assert error.count("\n") == 1
    assert not (data / "folds").exists()
    assert not (data / "train_ids.csv").exists()


def test_folds_that_do_not_name_a_subject_are_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    update_metadata(data, folds={"1": ("SN001",), "2": tuple(SUBJECTS[1:8])})
    assert main([str(data), "--folds"]) == 2
    assert 'no part of "folds" contains SN009' in capsys.readouterr().err
    update_metadata(data, folds={"1": ("SN777",), "2": tuple(SUBJECTS)})
    assert main([str(data), "--folds"]) == 2
    assert "fold 1: none of its subjects has frames here" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], ["--k", "1"], ["--test", "1.5"], ["--k", "2", "--folds"]])
def test_wrong_usage_exits_with_2(data: Path, flags: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(data), *flags])
    assert stop.value.code == 2


def test_as_a_user_types_it(data: Path) -> None:
    command = [sys.executable, "-m", "create_dataset.splits", str(data), "--k", "3"]
    assert subprocess.run(command, check=False).returncode == 0
    assert find_folds(data) == ["1", "2", "3"]


def test_one_is_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(data), "--test-subjects", "SN001"]) == 0
    assert "10 test frames of 1 subject\n" in capsys.readouterr().out
