"""Where the folds of a cross-validation come from."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audetnet.data.ids import read_ids
from audetnet.errors import UserError
from audetnet.results.fold_lists import FoldRequest, prepare_folds
from create_dataset.splits import main as splits
from tests.conftest import ROOT


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "minimal_dataset", tmp_path / "data"))


def _asked(data: Path, k: int | None = None, validation: int | None = None) -> FoldRequest:
    return FoldRequest(data=data, images="imgs", labels=None, k=k, validation=validation)


def _subjects(ids: list[str]) -> set[str]:
    return {frame.split("_")[0] for frame in ids}


def test_k_folds_split_by_subject(data: Path, tmp_path: Path) -> None:
    folds = prepare_folds(tmp_path / "out", _asked(data, k=3, validation=1))
    assert list(folds) == ["1", "2", "3"]
    tested = []
    for files in folds.values():
        lists = [read_ids(Path(path)) for path in (files.train, files.test, files.validation)]
        people = [_subjects(ids) for ids in lists]
        assert [len(who) for who in people] == [3, 2, 1]
        assert len(set.union(*people)) == 6
        tested += lists[1]
    assert len(tested) == len(set(tested)) == 12


def test_the_folds_equal_those_of_the_script(data: Path, tmp_path: Path) -> None:
    """Made by create_dataset.splits, or here: the same lists."""
    made = prepare_folds(tmp_path / "made", _asked(data, k=2))
    assert splits([str(data), "--k", "2"]) == 0
    read = prepare_folds(tmp_path / "read", _asked(data))
    for fold, files in made.items():
        assert read_ids(Path(files.test)) == read_ids(Path(read[fold].test))
        assert not Path(files.validation).exists()


def test_the_parts_of_dataset_json(data: Path, tmp_path: Path) -> None:
    metadata = json.loads((data / "dataset.json").read_text())
    parts = {"a": ["SN001", "SN002"], "b": ["SN003", "SN004", "SN005", "SN006"]}
    (data / "dataset.json").write_text(json.dumps({**metadata, "folds": parts}))
    folds = prepare_folds(tmp_path / "out", _asked(data))
    assert {fold: _subjects(read_ids(Path(f.test))) for fold, f in folds.items()} == {
        fold: set(subjects) for fold, subjects in parts.items()
    }


def test_the_folds_must_stay_the_same(data: Path, tmp_path: Path) -> None:
    first = prepare_folds(tmp_path / "out", _asked(data, k=2))
    assert prepare_folds(tmp_path / "out", _asked(data, k=2)) == first
    with pytest.raises(UserError, match="holds folds other than those requested"):
        prepare_folds(tmp_path / "out", _asked(data, k=3))


def _twice(data: Path) -> None:
    splits([str(data), "--k", "2"])
    one, other = (data / "folds" / fold / "test_ids.csv" for fold in "12")
    other.write_text(one.read_text())


@pytest.mark.parametrize(
    ("spoil", "validation", "message"),
    [
        (lambda data: None, None, 'no folds/, and no "folds" in dataset.json; add --k K'),
        (_twice, None, "fold 2: also tests frames that fold 1 tests"),
        (lambda data: splits([str(data), "--k", "2"]), 1, "already defines the validation sets"),
    ],
    ids=["none", "a frame tested twice", "validation of given lists"],
)
def test_mistakes_are_lines(
    spoil: Callable[[Path], object],
    validation: int | None,
    message: str,
    data: Path,
    tmp_path: Path,
) -> None:
    spoil(data)
    with pytest.raises(UserError, match=message):
        prepare_folds(tmp_path / "out", _asked(data, validation=validation))
    assert not (tmp_path / "out" / "folds").exists()
