"""``frames.csv`` of a run directory: the frames that the run was started on, to name later what has
changed. Labels are stored as digests.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from audetnet.data.frames import Dataset
from audetnet.data.packing import image_status
from audetnet.errors import UserError
from audetnet.files.csv import read_csv, write_csv

_COLUMNS = ["set", "frame", "digest of labels", "image", "bytes"]
_NOTHING = "nothing"


def write_frame_list(path: Path, dataset: Dataset) -> None:
    """Write the file. Raises FileError."""
    write_csv(path, [_COLUMNS, *_rows(dataset)])


def trained_frames(path: Path) -> set[str]:
    """The ids of training frames in the file; none if there is no such file."""
    try:
        return {row[1] for row in read_csv(path) if row[0] == "train"}
    except (UserError, ValueError, IndexError):
        return set()


def changed_frames(path: Path, dataset: Dataset) -> str | None:
    """What has changed since the file was written: ids, else labels, else images, with the first
    frame. None if nothing has changed or there is no such file.
    """
    try:
        header, *was = read_csv(path)
    except (UserError, ValueError):
        return None
    now = [list(row) for row in _rows(dataset)]
    if header != _COLUMNS or any(len(row) != len(_COLUMNS) for row in was):
        return None
    for name in ("train", "validation", "test"):
        before, after = ([row[1] for row in rows if row[0] == name] for rows in (was, now))
        if before != after:
            return _changed_ids(name, before, after)
    for what, columns in (("labels", slice(2, 3)), ("image (name or size)", slice(3, 5))):
        pairs = zip(was, now, strict=True)
        changed = [new[1] for old, new in pairs if old[columns] != new[columns]]
        if changed:
            return f"different {what} of {len(set(changed))} frames, first '{changed[0]}'"
    return None


def _changed_ids(name: str, before: list[str], after: list[str]) -> str:
    index = next(
        (i for i, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
        min(len(before), len(after)),
    )
    old, new = (f"'{ids[index]}'" if index < len(ids) else _NOTHING for ids in (before, after))
    return f"different {name} ids: number {index + 1} was {old} and is now {new}"


def _rows(dataset: Dataset) -> Iterator[tuple[str, str, str, str, str]]:
    for frames in dataset.sets():
        labels = np.nan_to_num(frames.labels, nan=-1)
        for frame, path, row in zip(frames.ids, frames.paths, labels, strict=True):
            digest = hashlib.sha256(row.tobytes()).hexdigest()[:12]
            yield frames.name, frame, digest, path.name, str(image_status(path).st_size)
