"""OUT/left_out.csv: every frame that was considered but is not in the dataset, and why."""

from collections.abc import Container, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from audetnet.errors import UserError
from audetnet.files.csv import read_csv, write_csv

LEFT_OUT_FILE = "left_out.csv"
_HEADER = ("frame", "reason", "file")


@dataclass(frozen=True)
class LeftOut:
    """One frame or, with an empty id, a whole file."""

    frame: str
    reason: str
    file: str = ""
    """The video or image; empty for a labelled frame without either."""


def write_left_out(
    out: Path, rows: Iterable[LeftOut], seen: Container[str], made: Container[str]
) -> tuple[Path, int]:
    """Write the list atomically; returns its path and length. Rows of earlier runs about files
    other than those ``seen`` stay, unless the file is gone or the frame has since been ``made``.

    Raises UserError.
    """
    path = out / LEFT_OUT_FILE
    found = list(dict.fromkeys(rows))
    kept = [
        row
        for row in _read(path)
        if row.file and row.file not in seen and row.frame not in made and Path(row.file).is_file()
    ]
    lines = [*kept, *found]
    write_csv(path, [_HEADER, *(astuple(row) for row in lines)])
    return path, len(lines)


def _read(path: Path) -> list[LeftOut]:
    if not path.exists():
        return []
    header, *rows = read_csv(path) or [[]]
    if tuple(header) != _HEADER or any(len(row) != len(_HEADER) for row in rows):
        raise UserError(f"{path}: not the list that an earlier run wrote; delete it")
    return [LeftOut(*row) for row in rows]
