"""Which frame each row of a table describes: its id, and its image if the row names one."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.data.names import id_fault
from audetnet.errors import UserError, first_few
from create_dataset.labels.frame_ids import (
    add_unique,
    image_frame_id,
    video_frame_id,
    video_name,
)

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = ("frame_id", "id")
NUMBER_COLUMN = "frame"
_LONGEST_NUMBER = 18
"""Digits of a frame number; longer ones are taken for names."""
VIDEO_COLUMN = "video"
PATH_COLUMNS = ("path", "image", "image_path", "file", "filename", "input")
_NUMBER = re.compile(rf"(\d{{1,{_LONGEST_NUMBER}}})(?:\.0*)?")
"""A frame number, perhaps as pandas writes whole numbers in a column with gaps: ``17.0``."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns to read; None: look for the usual names."""

    frame: str | None = None
    path: str | None = None
    subject: str | None = None
    aus: tuple[str, ...] | None = None
    first_frame: int = 0
    """The number of the first frame, if the frame column holds numbers."""
    photographs: Path | None = None
    """The folder of the photographs named in the rows, which have yet to be cropped."""


def row_frames(
    path: Path, table: "pd.DataFrame", columns: Columns
) -> tuple[list[str], list[Path] | None]:
    """The id of each row, and its image if the rows name images. Raises UserError, with the line if
    a cell is wrong.
    """
    column = find_column(path, table, columns.path, PATH_COLUMNS)
    files = None if column is None else [path.parent / text for text in texts(path, table, column)]
    if columns.photographs is not None:
        ids = _ids_of_photographs(path, files, columns.photographs)
    elif columns.frame is None and (videos := _videos(path, table, files)) is not None:
        ids = _ids_in_videos(path, table, videos, columns.first_frame)
        files = None if videos is files else files
    else:
        ids = _ids(path, table, columns, files)
    for line, frame in enumerate(ids, start=2):
        if fault := id_fault(frame):
            raise UserError(f"{path}:{line}: frame id '{frame}' {fault}")
    return ids, files


def find_column(
    path: Path, table: "pd.DataFrame", asked: str | None, usual: Sequence[str]
) -> str | None:
    """The column asked for, else the first of the usual ones that the table has."""
    if asked is not None and asked not in table.columns:
        raise UserError(
            f"{path}:1: no column '{asked}'; the columns are {first_few(list(table.columns), 40)}"
        )
    by_lower = {name.lower(): name for name in table.columns}
    return asked or next((by_lower[name] for name in usual if name in by_lower), None)


def texts(path: Path, table: "pd.DataFrame", column: str) -> list[str]:
    """The cells of a column. Raises UserError if one is empty."""
    found = [str(text).strip() for text in table[column]]
    if not all(found):
        raise UserError(f"{path}:{found.index('') + 2}: nothing in column {column}")
    return found


def _videos(path: Path, table: "pd.DataFrame", files: list[Path] | None) -> list[Path] | None:
    """The video of each row, from its column or from a column of paths with repeated files; None
    if the rows name no videos.
    """
    if find_column(path, table, None, (NUMBER_COLUMN,)) is None:
        return None
    column = find_column(path, table, None, (VIDEO_COLUMN,))
    if column is not None:
        return [Path(text) for text in texts(path, table, column)]
    return files if files is not None and len(set(files)) < len(files) else None


def _ids_in_videos(
    path: Path, table: "pd.DataFrame", videos: list[Path], first_frame: int
) -> list[str]:
    """The ids that ``frames videos`` gives the frames: the video's name and the number from 0."""
    by_name: dict[str, Path] = {}
    for video in dict.fromkeys(videos):
        add_unique(by_name, video_name(video), video)
    column = find_column(path, table, None, (NUMBER_COLUMN,))
    assert column is not None
    ids = []
    for line, (video, text) in enumerate(zip(videos, texts(path, table, column), strict=True), 2):
        number = _number(text)
        if number is None or number < first_frame:
            raise UserError(
                f"{path}:{line}: expected a frame number in column {column}, counted from "
                f"{first_frame} (--first-frame), not '{text}'"
            )
        ids.append(video_frame_id(video_name(video), number - first_frame))
    return ids


def _ids_of_photographs(path: Path, files: list[Path] | None, folder: Path) -> list[str]:
    """The ids that ``frames images`` gives the images in a folder."""
    if files is None:
        raise UserError(
            f"{path}:1: no column of paths ({', '.join(PATH_COLUMNS)}); name it with --path-column"
        )
    ids = []
    for line, file in enumerate(files, start=2):
        inner = Path(os.path.relpath(file, folder))
        if inner.parts[:1] in ((), (os.pardir,)):
            raise UserError(
                f"{path}:{line}: {file} is not in {folder}; paths are relative to the table"
            )
        ids.append(image_frame_id(inner))
    return ids


def _ids(
    path: Path, table: "pd.DataFrame", columns: Columns, images: list[Path] | None
) -> list[str]:
    """From a column of ids, else the names of the images, else FILE_NUMBER counted from 0."""
    column = find_column(path, table, columns.frame, ID_COLUMNS)
    if column is None and images is not None and len(set(images)) == len(images):
        return _ids_of_paths(images)
    column = column or find_column(path, table, None, (NUMBER_COLUMN,))
    if column is None:
        raise UserError(
            f"{path}:1: no column of frame ids ({', '.join((*ID_COLUMNS, NUMBER_COLUMN))}) or "
            f"paths ({', '.join(PATH_COLUMNS)}), nor both {VIDEO_COLUMN} and {NUMBER_COLUMN}; name "
            "one with --id-column or --path-column"
        )
    ids = texts(path, table, column)
    if all(text.isdecimal() and len(text) <= _LONGEST_NUMBER for text in ids):
        ids = [video_frame_id(path.stem, int(text) - columns.first_frame) for text in ids]
    return ids


def _ids_of_paths(images: list[Path]) -> list[str]:
    """File names without suffix, preceded by the folders that they do not all share."""
    whole = [Path(os.path.abspath(image)) for image in images]
    shared = os.path.commonpath([image.parent for image in whole])
    return [image_frame_id(image.relative_to(shared)) for image in whole]


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None
