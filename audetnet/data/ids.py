"""Lists of frame ids, one per row, and their place in a dataset directory."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from audetnet.data.names import id_fault
from audetnet.errors import UserError
from audetnet.files.atomic import read_text
from audetnet.files.csv import write_csv

FOLDS_DIRECTORY = "folds"


@dataclass(frozen=True)
class IdFiles:
    """Paths of a split's id lists, relative to the dataset directory; validation is optional."""

    train: str = "train_ids.csv"
    test: str = "test_ids.csv"
    validation: str = "validation_ids.csv"

    def of_fold(self, fold: str) -> "IdFiles":
        """The same files in the directory of a fold."""
        directory = f"{FOLDS_DIRECTORY}/{fold}"
        return IdFiles(
            *(f"{directory}/{name}" for name in (self.train, self.test, self.validation))
        )


def find_folds(directory: Path) -> list[str]:
    """Names of the folds of a dataset directory, numbers in numerical order."""
    folder = directory / FOLDS_DIRECTORY
    found = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(found, key=lambda name: (not name.isdecimal(), name.zfill(9)))


def read_ids(path: Path) -> list[str]:
    """Read frame ids, one per row, ignoring blank lines. Raises UserError."""
    try:
        lines = read_text(path).split("\n")
    except UserError as error:
        raise UserError(f"{error}; expected one frame id per row") from error
    ids = []
    for number, line in enumerate(lines, start=1):
        frame = line.strip().strip("\"'")
        if not frame:
            continue
        if "," in frame or ";" in frame:
            raise UserError(f"{path}:{number}: expected one frame id per row, not '{line.strip()}'")
        if fault := id_fault(frame):
            raise UserError(f"{path}:{number}: frame id '{frame}' {fault}")
        ids.append(frame)
    if not ids:
        raise UserError(f"{path}: no frame ids; expected one per row")
    return ids


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write a list of ids. Raises FileError."""
    write_csv(path, ([frame] for frame in ids))


def natural_sort_key(frame_id: str) -> list[tuple[int, str]]:
    """A sort key that puts a_2 before a_10: the frames of a recording in order of time."""
    parts = re.split(r"(\d+)", frame_id)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
