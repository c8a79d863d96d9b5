"""Known factors of frames (head pose, light, skin) from a table in the dataset directory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from audetnet.data.tables import duplicates, frame_ids, numbers, read_frame
from audetnet.errors import UserError, did_you_mean, first_few

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]

DEFAULT_TABLES = {"factors.csv": None, "frames.csv": ("yaw", "pitch", "roll")}
"""The first of these files that exists is read, and these columns of it (None: all numeric ones).
create_dataset.frames writes frames.csv.
"""


@dataclass(frozen=True)
class FactorTable:
    """Values by frame id, in the order of ``names``; NaN = unknown."""

    path: Path
    names: tuple[str, ...]
    rows: dict[str, Array]

    def of(self, ids: Sequence[str]) -> Array:
        """The values of some frames, (N, factors)."""
        missing = np.full(len(self.names), np.nan)
        return np.stack([self.rows.get(frame, missing) for frame in ids])


def find_factors(
    directory: Path, name: str | None, columns: tuple[str, ...] | None
) -> FactorTable | None:
    """The factor table of a dataset directory: the file called ``name``, or else a default one if
    there is one. Raises UserError.
    """
    if name is not None:
        return read_factors(directory / name, columns)
    for default, default_columns in DEFAULT_TABLES.items():
        if os.path.lexists(directory / default):
            return read_factors(directory / default, columns or default_columns)
    if columns is not None:
        raise UserError(
            f"{directory}: --factor-columns needs a table: factors.csv here, or --factors FILE"
        )
    return None


def factor_of(directory: Path, column: str, ids: Sequence[str], asked_by: str) -> Array:
    """One factor of some frames of a dataset directory, (N,), NaN = unknown. ``asked_by``: what
    needs it, for the user. Raises UserError.
    """
    if not any(os.path.lexists(directory / name) for name in DEFAULT_TABLES):
        raise UserError(
            f"{directory}: {asked_by} needs factors.csv: a row a frame, its id in the first "
            f"column, with a column '{column}'"
        )
    table = find_factors(directory, None, (column,))
    assert table is not None
    return table.of(ids)[:, 0]


def read_factors(path: Path, columns: tuple[str, ...] | None) -> FactorTable:
    """A csv or parquet table with the frame id in its first column; without ``columns``, all
    numeric columns. Raises UserError.
    """
    table, header, ids = _named_rows(path)
    places = {column: place for place, column in enumerate(header) if place}
    for column in columns or ():
        if column not in places:
            raise UserError(
                f"{path}: no column '{column}'{did_you_mean(column, header[1:])}; it has "
                + first_few(header[1:], 12)
            )
    found = {}
    for column in columns or places:
        try:
            cells = table.iloc[:, places[column]]
            found[column] = numbers(path, cells, ids, column).astype(np.float64)
        except UserError:
            if columns is not None:
                raise
    if not found:
        raise UserError(f"{path}: no column is numeric: {first_few(header[1:])}")
    values = np.stack(list(found.values()), axis=1)
    for row, place in np.argwhere(np.isinf(values)):
        raise UserError(
            f"{path}: '{ids[row]}' has an infinite number in column {list(found)[place]}; leave "
            "the cell empty"
        )
    return FactorTable(path, tuple(found), dict(zip(ids, values, strict=True)))


def _named_rows(path: Path) -> tuple["pd.DataFrame", list[str], list[str]]:
    """A table, its column names, and the frame ids."""
    table = read_frame(path)
    header = [str(column).strip() for column in table.columns]
    if len(header) < 2:
        raise UserError(f"{path}: expected a frame id and at least one factor in each row")
    if repeated := duplicates(header):
        raise UserError(f"{path}: duplicate columns: {first_few(repeated)}")
    ids = frame_ids(path, table)
    if repeated := duplicates(ids):
        raise UserError(f"{path}: frames are listed twice: {first_few(repeated)}")
    return table, header, ids
