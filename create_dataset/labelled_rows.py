"""Tables of labels as OpenFace, py-feat, LibreFace and people write them: a row a frame, a column
per AU (AU01, AU01_r, AU01_c, AU1, au_1_intensity), a frame id or number, perhaps a path and a
subject.
"""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from audetnet.data.names import id_fault
from audetnet.data.tables import check_values, numbers, read_frame, several_times
from audetnet.errors import UserError, first_few
from audetnet.labels import UNKNOWN_CODE, FloatArray, LabelKind, active
from create_dataset.au_columns import Style, au_column

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
Flags = npt.NDArray[np.bool_]
ID_COLUMNS = ("frame_id", "id")
NUMBER_COLUMN = "frame"
_LONGEST_NUMBER = 18
"""Digits of a frame's number; longer ones are names."""
PATH_COLUMNS = ("path", "image", "image_path", "file", "filename", "input")
SUCCESS_COLUMN = "success"
"""OpenFace: 0 where no face was tracked, and the AUs mean nothing."""
_STYLES: dict[LabelKind, Style] = {"intensity": "r", "occurrence": "c"}


@dataclass(frozen=True)
class Columns:
    """Which columns to read; None where the usual names are looked for."""

    frame: str | None = None
    path: str | None = None
    subject: str | None = None
    aus: tuple[str, ...] | None = None
    first_frame: int = 0
    """The number of the first frame where the column of frames holds numbers."""


@dataclass(frozen=True)
class LabelRows:
    """What a file of N rows says. ``values`` is float32 (N, A), NaN = unknown; ``images`` are paths
    of files.
    """

    ids: list[str]
    images: list[Path] | None
    subjects: list[str] | None
    aus: tuple[str, ...]
    kind: LabelKind
    values: FloatArray
    failed: list[str]
    """Ids of rows left out because the tracker that wrote them failed."""

    def chosen(self, kept: Flags) -> "LabelRows":
        """The rows that are marked, a flag each."""
        return dataclasses.replace(
            self,
            ids=_chosen(self.ids, kept),
            images=None if self.images is None else _chosen(self.images, kept),
            subjects=None if self.subjects is None else _chosen(self.subjects, kept),
            values=self.values[kept],
        )


def read_labelled_rows(
    path: Path, columns: Columns, kind: LabelKind | None, threshold: float | None
) -> LabelRows:
    """Read a csv or parquet file. With ``threshold``, values of at least it become 1, others 0.

    Raises UserError, with the line where a cell is wrong.
    """
    table = read_frame(path)
    table.columns = [str(name).strip() for name in table.columns]
    if repeated := several_times(list(table.columns)):
        raise UserError(f"{path}:1: two columns are called {first_few(repeated)}")
    if not len(table):
        raise UserError(f"{path}: no rows")
    images = _images(path, table, columns.path)
    ids = _ids(path, table, columns, images)
    subjects = None if columns.subject is None else _texts(path, table, columns.subject)
    headers = _au_headers(path, list(table.columns), columns.aus, kind)
    values = np.column_stack([numbers(path, table[name], ids, name) for name in headers.values()])
    values[values == UNKNOWN_CODE] = np.nan
    values, found = _scaled(path, ids, headers, values, kind, threshold)
    rows = LabelRows(ids, images, subjects, tuple(headers), found, values, [])
    if SUCCESS_COLUMN not in table.columns:
        return rows
    tracked = numbers(path, table[SUCCESS_COLUMN], ids, SUCCESS_COLUMN) == 1
    return dataclasses.replace(rows.chosen(tracked), failed=_chosen(ids, ~tracked))


def join_rows(parts: Sequence[LabelRows]) -> LabelRows:
    """The rows of several files, which must say the same things of different frames."""
    first = parts[0]
    ids = [frame for part in parts for frame in part.ids]
    for part in parts[1:]:
        for what, one, other in (
            ("AUs", first.aus, part.aus),
            ("kind", first.kind, part.kind),
            ("column of paths", first.images is None, part.images is None),
        ):
            if one != other:
                raise UserError(f"the tables differ in their {what}: {one} and {other}")
    if len(set(ids)) != len(ids):
        raise UserError(f"frame ids that stand in several rows: {first_few(several_times(ids))}")
    return LabelRows(
        ids,
        None if first.images is None else [image for part in parts for image in part.images or []],
        None if first.subjects is None else [who for part in parts for who in part.subjects or []],
        first.aus,
        first.kind,
        np.concatenate([part.values for part in parts]),
        [frame for part in parts for frame in part.failed],
    )


def _chosen(items: Sequence[_T], kept: Flags) -> list[_T]:
    return [item for item, keep in zip(items, kept, strict=True) if keep]


def _find(table: "pd.DataFrame", asked: str | None, usual: Sequence[str], path: Path) -> str | None:
    """The name of a column that is asked for, else the first of the usual ones that is there."""
    if asked is not None and asked not in table.columns:
        raise UserError(
            f"{path}:1: no column '{asked}'; the columns are {first_few(list(table.columns), 40)}"
        )
    by_lower = {name.lower(): name for name in table.columns}
    return asked or next((by_lower[name] for name in usual if name in by_lower), None)


def _texts(path: Path, table: "pd.DataFrame", column: str) -> list[str]:
    name = _find(table, column, (), path)
    texts = [str(text).strip() for text in table[name]]
    if not all(texts):
        raise UserError(f"{path}:{texts.index('') + 2}: nothing in column {column}")
    return texts


def _images(path: Path, table: "pd.DataFrame", asked: str | None) -> list[Path] | None:
    column = _find(table, asked, PATH_COLUMNS, path)
    return None if column is None else [path.parent / text for text in _texts(path, table, column)]


def _ids(
    path: Path, table: "pd.DataFrame", columns: Columns, images: list[Path] | None
) -> list[str]:
    """Frame ids: a column of ids, else the images' names, else FILE_NUMBER counted from 0."""
    column = _find(table, columns.frame, ID_COLUMNS, path)
    if column is None and images is not None and len(set(images)) == len(images):
        ids = _ids_of_paths(images)
    else:
        column = column or _find(table, None, (NUMBER_COLUMN,), path)
        if column is None:
            raise UserError(
                f"{path}:1: no column of frame ids ({', '.join((*ID_COLUMNS, NUMBER_COLUMN))}) or "
                f"paths ({', '.join(PATH_COLUMNS)}); name one with --id-column or --path-column"
            )
        ids = _texts(path, table, column)
        if all(text.isdecimal() and len(text) <= _LONGEST_NUMBER for text in ids):
            ids = [f"{path.stem}_{int(text) - columns.first_frame}" for text in ids]
    for line, frame in enumerate(ids, start=2):
        if fault := id_fault(frame):
            raise UserError(f"{path}:{line}: frame id '{frame}' {fault}")
    return ids


def _ids_of_paths(images: list[Path]) -> list[str]:
    """File names without ending, after the folders that not all have in common."""
    shared = Path(os.path.commonpath([image.parent for image in images]))
    parts = [image.with_suffix("").parts[len(shared.parts) :] for image in images]
    return ["_".join(names) for names in parts]


def _au_headers(
    path: Path, columns: list[str], aus: tuple[str, ...] | None, kind: LabelKind | None
) -> dict[str, str]:
    """AU -> column, in the order asked for or by number."""
    found: dict[Style, dict[str, str]] = {"": {}, "r": {}, "c": {}}
    for name in columns:
        parsed = au_column(name)
        if parsed is not None:
            au, style = parsed
            if au in found[style]:
                raise UserError(
                    f"{path}:1: columns '{found[style][au]}' and '{name}' are both {au}"
                )
            found[style][au] = name
    styles: list[Style] = [style for style, named in found.items() if named]
    if kind is not None and _STYLES[kind] in styles:
        styles = [_STYLES[kind]]
    if not styles:
        raise UserError(f"{path}:1: no AU columns such as AU1, AU01, AU01_r or AU01_c")
    if len(styles) > 1:
        examples = ", ".join(next(iter(found[style].values())) for style in styles)
        raise UserError(
            f"{path}:1: AU columns of several styles ({examples}); choose with --kind intensity "
            "(_r) or --kind occurrence (_c)"
        )
    named = found[styles[0]]
    missing = [au for au in aus or () if au not in named]
    if missing:
        raise UserError(
            f"{path}:1: no column for {first_few(missing)}; there are {first_few(list(named), 40)}"
        )
    return {au: named[au] for au in aus or sorted(named, key=lambda au: int(au[2:]))}


def _scaled(
    path: Path,
    ids: list[str],
    headers: dict[str, str],
    values: FloatArray,
    kind: LabelKind | None,
    threshold: float | None,
) -> tuple[FloatArray, LabelKind]:
    """Values on the scale of a kind; the kind that the values say where none is asked for."""
    if threshold is not None:
        return active(values, threshold), "occurrence"
    if kind is None:
        between = (values > 0) & (values < 1)
        if between.any() and np.nanmax(values) <= 1:
            raise UserError(
                f"{path}: values between 0 and 1, such as probabilities; say --occurrence "
                "--threshold 0.5, or --kind intensity if they are intensities"
            )
        kind = "intensity" if np.nanmax(values, initial=0) > 1 else "occurrence"
    check_values(path, ids, list(headers.values()), values, kind)
    return values, kind
