"""Known factors of frames: head pose, light, skin, as a dataset directory gives them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audetnet.config.binding import did_you_mean
from audetnet.data.tables import numbers, read_frame
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.table import FactorSet
from audetnet.errors import UserError, first_few
from audetnet.evaluation.metrics import Array

DEFAULT_TABLES = {"factors.csv": None, "frames.csv": ("yaw", "pitch", "roll")}
"""Files that are read where they are there, the first of them only, and their columns (None: all of
numbers). create_dataset.frames writes frames.csv.
"""


@dataclass(frozen=True)
class FactorTable:
    """Values by frame id, in the order of ``names``; NaN = unknown."""

    path: Path
    names: tuple[str, ...]
    rows: dict[str, Array]

    def of(self, codes: Codes) -> list[FactorSet]:
        """The codes of the frames of which all factors are known, with these; empty if there are
        none.
        """
        missing = np.full(len(self.names), np.nan)
        values = np.stack([self.rows.get(frame, missing) for frame in codes.ids])
        known = np.flatnonzero(~np.isnan(values).any(axis=1))
        if not len(known):
            return []
        return [FactorSet("factors", self.names, values[known], codes.take(known))]


def find_factors(
    directory: Path, name: str | None, columns: tuple[str, ...] | None
) -> FactorTable | None:
    """The factor table of a dataset directory: the file of that name, else a default one, else
    None. Raises UserError.
    """
    if name is not None:
        return read_factors(directory / name, columns)
    for default, chosen in DEFAULT_TABLES.items():
        if (directory / default).is_file():
            return read_factors(directory / default, columns or chosen)
    if columns is not None:
        raise UserError(
            f"{directory}: --factor-columns needs a table: factors.csv here, or --factors FILE"
        )
    return None


def read_factors(path: Path, columns: tuple[str, ...] | None) -> FactorTable:
    """A csv or parquet table with the frame id in its first column; without ``columns`` all columns
    that hold numbers only. Raises UserError.
    """
    table = read_frame(path)
    given = [str(column) for column in table.columns]
    if len(given) < 2:
        raise UserError(f"{path}: expected a frame id and at least one factor in each row")
    ids = [str(frame) for frame in table.iloc[:, 0]]
    twice = sorted(frame for frame, count in Counter(ids).items() if count > 1)
    if twice:
        raise UserError(f"{path}: frames stand in it twice: {first_few(twice)}")
    for column in columns or ():
        if column not in given[1:]:
            raise UserError(
                f"{path}: no column '{column}'{did_you_mean(column, given[1:])}; it has "
                + first_few(given[1:], 12)
            )
    found = {}
    for column in columns or given[1:]:
        try:
            found[column] = numbers(path, table[column], ids, column).astype(np.float64)
        except UserError:
            if columns is not None:
                raise
    if not found:
        raise UserError(f"{path}: none of its columns holds numbers: {first_few(given[1:])}")
    values = np.stack(list(found.values()), axis=1)
    return FactorTable(path, tuple(found), dict(zip(ids, values, strict=True)))
