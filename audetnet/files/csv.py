"""CSV files, as read and written throughout the project.

A text cell that a spreadsheet would run as a formula (it begins with = + - or @) is written with a
leading apostrophe, which is removed on reading: cells survive a round trip unchanged.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from audetnet.errors import UserError, first_line
from audetnet.files.atomic import check_regular, write_text

Cell = str | float | None
"""Text, a number, or an empty cell."""
_FORMULA = re.compile(r"'*[=+\-@]")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as CSV, quoted where needed; numbers in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def write_csv(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write a file atomically. Raises FileError."""
    write_text(path, csv_text(rows))


def read_csv(path: Path) -> list[list[str]]:
    """The cells of a file as text, without blank lines at its end. Raises UserError."""
    check_regular(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, skipinitialspace=True))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a table: {first_line(error)}") from error
    while rows and not rows[-1]:
        rows.pop()
    return [[_plain(cell) for cell in row] for row in rows]


def _guarded(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
