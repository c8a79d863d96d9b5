"""Reads tables of labels as OpenFace, py-feat, LibreFace and people write them: a row per frame, a
column per AU (AU01, AU01_r, AU01_c, AU1, au_1_intensity), a frame id or number, perhaps a path and
a subject.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from audetnet.data.names import subject_fault
from audetnet.data.tables import check_values, numbers, read_frame
from audetnet.errors import UserError, first_few
from audetnet.labels import UNKNOWN_CODE, FloatArray, LabelKind, active
from create_dataset.labels.au_columns import Style, au_column
from create_dataset.labels.row_frames import Columns, find_column, row_frames, texts

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
Flags = npt.NDArray[np.bool_]
SUCCESS_COLUMN = "success"
"""OpenFace: 0 if no face was tracked, so that the AUs mean nothing."""
_STYLES: dict[LabelKind, Style] = {"intensity": "r", "occurrence": "c"}


@dataclass(frozen=True, kw_only=True)
class LabelRows:
    """The content of a file with N rows. ``values`` is float32 (N, A), NaN = unknown; ``images``
    are file paths.
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
        """The rows to keep, given a flag for each."""
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
    """Read a csv or parquet file. With ``threshold``, values that reach it become 1, others 0.

    Raises UserError, with the line if a cell is wrong.
    """
    table = read_frame(path)
    table.columns = [str(name).strip() for name in table.columns]
    _check_columns(path, list(table.columns))
    if not len(table):
        raise UserError(f"{path}: no rows")
    ids, images = row_frames(path, table, columns)
    headers = _au_headers(path, list(table.columns), columns.aus, kind)
    values = np.column_stack([numbers(path, table[name], ids, name) for name in headers.values()])
    values[values == UNKNOWN_CODE] = np.nan
    values, found = _scaled(path, ids, headers, values, kind, threshold)
    subjects = _subjects(path, table, columns.subject)
    rows = LabelRows(
        ids=ids,
        images=images,
        subjects=subjects,
        aus=tuple(headers),
        kind=found,
        values=values,
        failed=[],
    )
    if SUCCESS_COLUMN not in table.columns:
        return rows
    tracked = numbers(path, table[SUCCESS_COLUMN], ids, SUCCESS_COLUMN) == 1
    return dataclasses.replace(rows.chosen(tracked), failed=_chosen(ids, ~tracked))


def join_rows(parts: Sequence[LabelRows]) -> LabelRows:
    """The rows of several files, which must have the same columns and no frame in common."""
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
        twice = sorted(frame for frame, count in Counter(ids).items() if count > 1)
        raise UserError(f"frame ids in several rows: {first_few(twice)}")
    return LabelRows(
        ids=ids,
        images=_joined([part.images for part in parts]),
        subjects=_joined([part.subjects for part in parts]),
        aus=first.aus,
        kind=first.kind,
        values=np.concatenate([part.values for part in parts]),
        failed=[frame for part in parts for frame in part.failed],
    )


def _joined(parts: Sequence[list[_T] | None]) -> list[_T] | None:
    return None if parts[0] is None else [item for part in parts for item in part or []]


def _chosen(items: Sequence[_T], kept: Flags) -> list[_T]:
    return [item for item, keep in zip(items, kept, strict=True) if keep]


def _check_columns(path: Path, columns: list[str]) -> None:
    """Raise UserError for repeated names, and for cells not separated by commas."""
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if twice:
        raise UserError(f"{path}:1: duplicate columns: {first_few(twice)}")
    for separator, said in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and separator in columns[0]:
            raise UserError(f"{path}:1: cells are separated by {said}; expected commas")


def _subjects(path: Path, table: "pd.DataFrame", asked: str | None) -> list[str] | None:
    column = find_column(path, table, asked, ())
    if column is None:
        return None
    subjects = texts(path, table, column)
    for line, subject in enumerate(subjects, start=2):
        if fault := subject_fault(subject):
            raise UserError(f"{path}:{line}: subject '{subject}' {fault}")
    return subjects


def _au_headers(
    path: Path, columns: list[str], aus: tuple[str, ...] | None, kind: LabelKind | None
) -> dict[str, str]:
    """AU -> column, in the order asked for, else by number."""
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
            f"{path}:1: AU columns in several styles ({examples}); choose with --kind intensity "
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
    """The values and their kind, which is guessed from the values unless it is given."""
    if threshold is not None:
        return active(values, threshold), "occurrence"
    if kind is None:
        between = (values > 0) & (values < 1)
        if between.any() and np.nanmax(values) <= 1:
            raise UserError(
                f"{path}: values between 0 and 1, such as probabilities; use --occurrence "
                "--threshold 0.5, or --kind intensity if they are intensities"
            )
        kind = "intensity" if np.nanmax(values, initial=0) > 1 else "occurrence"
    check_values(path, ids, list(headers.values()), values, kind)
    return values, kind
