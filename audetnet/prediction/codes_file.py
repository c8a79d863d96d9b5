"""z1 and z2 of faces as Parquet: one row per face, with ``input``, ``frame``, ``face``, and the
lists ``z1`` and ``z2``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.data.tables import with_pyarrow
from audetnet.files.atomic import atomic_write
from audetnet.prediction.stream import Part

if TYPE_CHECKING:
    import pyarrow as pa

_CODES = ("z1", "z2")


def write_codes(path: Path, parts: Sequence[Part]) -> None:
    """Write the codes of some parts. Raises UserError."""
    with_pyarrow(path, lambda: _write(path, parts))


def join_codes(files: Sequence[Path], out: Path) -> None:
    """Join files written by ``write_codes``. Raises UserError."""
    with_pyarrow(out, lambda: _join(files, out))


def _schema() -> "pa.Schema":
    import pyarrow as pa

    of_row = [("input", pa.string()), ("frame", pa.int64()), ("face", pa.int64())]
    return pa.schema([*of_row, *((name, pa.list_(pa.float32())) for name in _CODES)])


def _write(path: Path, parts: Sequence[Part]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for part in parts:
        for code, row in enumerate(part.with_codes):
            assert part.codes is not None
            numbers = {n: codes[code] for n, codes in zip(_CODES, part.codes, strict=True)}
            rows.append({**part.rows[row], **numbers})
    with atomic_write(path) as unfinished:
        pq.write_table(pa.Table.from_pylist(rows, _schema()), unfinished)


def _join(files: Sequence[Path], out: Path) -> None:
    import pyarrow.parquet as pq

    with atomic_write(out) as unfinished, pq.ParquetWriter(unfinished, _schema()) as writer:
        for table in map(pq.read_table, files):
            if len(table):
                writer.write_table(table)
