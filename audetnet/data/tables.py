"""Tables of AU labels by frame id: pickled dicts, CSV and Parquet files.

A CSV or Parquet table has the frame ids in its first column and one named column per AU; a pickle
is a dict of frame id -> array of AU values. Every error is a UserError that names the file.
"""

import math
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from audetnet.data.names import id_fault
from audetnet.data.pickles import read_pickled_rows
from audetnet.errors import UserError, first_few, first_line
from audetnet.files.atomic import check_regular, write_bytes
from audetnet.files.csv import read_csv, write_csv
from audetnet.labels import MAX_INTENSITY, UNKNOWN_CODE, FloatArray, LabelKind

if TYPE_CHECKING:
    import pandas as pd

TABLE_NAME = "aus"
"""Name of a table without suffix; CSV files with other names are not taken for a table."""
TableFormat = Literal["csv", "parquet", "pkl"]
_PICKLE_SUFFIXES = (".pkl", ".pickle")
_MOST_COLUMNS = 10_000
"""There are fewer than a hundred AUs, and pandas takes a minute for a million columns."""
_UNKNOWN = frozenset({"", "nan", "na", "none", "<na>"})
"""Cells that mean unknown, in lower case."""


@dataclass(frozen=True, kw_only=True)
class AUTable:
    """Labels by frame id: rows of A values, 0-5 or 0/1, NaN = unknown. ``names``: the columns'
    names, if the file has them.
    """

    path: Path
    rows: dict[str, FloatArray]
    kind: LabelKind
    names: tuple[str, ...] | None = None

    @property
    def au_count(self) -> int:
        return len(next(iter(self.rows.values())))


def find_tables(directory: Path) -> list[Path]:
    """All AU tables in a directory: pickles, Parquet files and aus.csv."""
    return sorted(
        path
        for path in directory.iterdir()
        if path.suffix.lower() in (*_PICKLE_SUFFIXES, ".parquet")
        or path.name.lower() == f"{TABLE_NAME}.csv"
    )


def find_labels(directory: Path) -> Path:
    """The one AU table in a dataset directory. Raises UserError."""
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; expected a dataset directory")
    found = find_tables(directory)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"{directory}: no AU table (*.pkl, *.pickle, *.parquet, {TABLE_NAME}.csv); specify it "
            "with --labels FILE"
        )
    names = ", ".join(path.name for path in found)
    raise UserError(f"{directory}: several AU tables ({names}); choose one with --labels FILE")


def read_labels(path: Path, kind: LabelKind | None) -> AUTable:
    """Read a table in the format given by its suffix. Raises UserError.

    Values are checked against ``kind``, which by default is intensity if any value exceeds 1, else
    occurrence. 9, NaN and empty cells become NaN (unknown).
    """
    if path.suffix.lower() in (".csv", ".parquet"):
        rows, names = _read_frame_table(path)
    else:
        rows, names = read_pickled_rows(path), None
        check_ids(path, list(rows))
    values = _stacked(path, rows)
    values[values == UNKNOWN_CODE] = np.nan
    if kind is None:
        kind = "intensity" if np.nanmax(values, initial=0) > 1 else "occurrence"
    check_values(path, list(rows), names, values, kind)
    return AUTable(path=path, rows=dict(zip(rows, values, strict=True)), kind=kind, names=names)


def write_labels(
    directory: Path,
    ids: Sequence[str],
    values: FloatArray,
    names: Sequence[str],
    table_format: TableFormat,
) -> Path:
    """Write aus.csv, aus.parquet or aus.pkl; NaN becomes an empty cell. Returns the path."""
    path = directory / f"{TABLE_NAME}.{table_format}"
    if table_format == "pkl":
        content = dict(zip(ids, values, strict=True))
        write_bytes(path, lambda file: pickle.dump(content, file))
        return path
    if table_format == "csv":
        rows = (
            [frame, *("" if math.isnan(value) else f"{value:g}" for value in row)]
            for frame, row in zip(ids, values.tolist(), strict=True)
        )
        write_csv(path, [["frame", *names], *rows])
        return path
    import pandas as pd

    frame = pd.DataFrame(values, columns=list(names))
    frame.insert(0, "frame", list(ids))
    with_pyarrow(path, lambda: write_bytes(path, frame.to_parquet))
    return path


def with_pyarrow(path: Path, work: Callable[[], Any]) -> Any:
    """Do work that needs the optional package pyarrow. Raises UserError if it is missing."""
    try:
        return work()
    except ImportError as error:
        raise UserError(
            f"{path}: Parquet files need the package pyarrow: pip install pyarrow"
        ) from error


def _read_frame_table(path: Path) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Rows and column names of a CSV or Parquet table."""
    frame = read_frame(path)
    if frame.shape[1] < 2:
        raise UserError(
            f"{path}: expected a column of frame ids and one per AU, separated by commas; found "
            f"{', '.join(map(str, frame.columns)) or 'nothing'}"
        )
    ids = frame_ids(path, frame)
    names = tuple(str(name).strip() for name in frame.columns[1:])
    if repeated := duplicates(names):
        raise UserError(f"{path}: duplicate columns: {first_few(repeated)}")
    if twice := duplicates(ids):
        raise UserError(f"{path}: duplicate frame ids: {first_few(twice)}")
    columns = [
        numbers(path, frame.iloc[:, column], ids, name)
        for column, name in enumerate(names, start=1)
    ]
    values = np.column_stack(columns).astype(np.float32) if ids else np.empty((0, len(names)))
    return dict(zip(ids, values, strict=True)), names


def read_frame(path: Path) -> "pd.DataFrame":
    """The content of a CSV file (all cells as text) or Parquet file. Raises UserError."""
    import pandas as pd

    if path.suffix.lower() == ".parquet":
        check_regular(path)
        return _read_parquet(path)
    header, *cells = read_csv(path) or [[]]
    if len(header) > _MOST_COLUMNS:
        raise UserError(
            f"{path}:1: has {len(header)} columns; expected frame ids and one column per AU, at "
            f"most {_MOST_COLUMNS}"
        )
    for line, row in enumerate(cells, start=2):
        if len(row) != len(header):
            raise UserError(
                f"{path}:{line}: has {len(row)} cells, but the first line has {len(header)}"
            )
    return pd.DataFrame(cells, columns=header, dtype=object)


def _read_parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        table: pd.DataFrame = with_pyarrow(path, lambda: pd.read_parquet(path))
        table = table if table.index.name is None else table.reset_index()
        table.select_dtypes("string").to_numpy()  # decodes the strings, which may not be UTF-8
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UserError:
        raise
    except Exception as error:  # pyarrow may raise anything for a damaged file
        raise UserError(f"{path}: not a table: {first_line(error)}") from error
    return table


def duplicates(names: Sequence[str]) -> list[str]:
    """The names that occur more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def frame_ids(path: Path, frame: "pd.DataFrame") -> list[str]:
    """The first column as strings. Raises UserError if one is not a valid frame id."""
    ids = ["" if cell is None else str(cell).strip() for cell in frame.iloc[:, 0]]
    check_ids(path, ids)
    return ids


def check_ids(path: Path, ids: Sequence[str]) -> None:
    """Raise UserError for the first invalid frame id."""
    for row, frame in enumerate(ids):
        if fault := id_fault(frame):
            raise UserError(f"{_place(path, row)}: frame id '{frame}' {fault}")


def _place(path: Path, row: int) -> str:
    """The location of a row (from 0) for messages."""
    return f"{path}:{row + 2}" if path.suffix.lower() == ".csv" else str(path)


def numbers(path: Path, cells: "pd.Series[Any]", ids: Sequence[str], column: str) -> FloatArray:
    """A column of numbers, NaN where empty or unknown. Raises UserError for any other text."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float32, na_value=np.nan)
    values = []
    for row, cell in enumerate(cells.tolist()):
        text = str(cell).strip()
        try:
            values.append(np.nan if text.lower() in _UNKNOWN else float(text))
        except ValueError as error:
            raise UserError(
                f"{_place(path, row)}: '{ids[row]}' has '{text}' in column {column}; expected a "
                "number"
            ) from error
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float32)


def _stacked(path: Path, rows: dict[str, FloatArray]) -> FloatArray:
    """All rows as (N, A)."""
    if not rows:
        raise UserError(f"{path}: the AU table is empty")
    first, expected = next((frame, len(row)) for frame, row in rows.items())
    for frame, row in rows.items():
        if len(row) != expected:
            raise UserError(
                f"{path}: '{frame}' has {len(row)} AU values, but '{first}' has {expected}"
            )
    if not expected:
        raise UserError(f"{path}: the rows of the AU table are empty")
    return np.stack(list(rows.values()))


def check_values(
    path: Path,
    ids: Sequence[str],
    names: Sequence[str] | None,
    values: FloatArray,
    kind: LabelKind,
) -> None:
    """Raise UserError, naming frame and column, for the first of ``values`` (N, A) out of range."""
    if kind == "intensity":
        allowed, fine = (
            f"an intensity from 0 to {MAX_INTENSITY}",
            ((values >= 0) & (values <= MAX_INTENSITY)),
        )
    else:
        allowed, fine = "0 or 1", np.isin(values, (0, 1))
    wrong = np.argwhere(~fine & ~np.isnan(values))
    if len(wrong):
        row, column = wrong[0]
        raise UserError(
            f"{path}: '{ids[row]}' has the value {values[row, column]:g} in column "
            f"{names[column] if names else column} ({len(wrong)} such values); expected {allowed}, "
            f"or {UNKNOWN_CODE} or NaN for unknown"
        )
