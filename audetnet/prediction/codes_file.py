"""z1 and z2 of faces as Parquet: ``input``, ``frame``, ``face``, and lists of numbers ``z1`` and
``z2``, a row a face.
"""

from collections.abc import Sequence
from pathlib import Path

from audetnet.data.tables import with_pyarrow
from audetnet.files import written_whole
from audetnet.prediction.stream import Part

_OF_ROW = ("input", "frame", "face")
_CODES = ("z1", "z2")


def write_codes(path: Path, parts: Sequence[Part]) -> None:
    """Write those of some parts; no file where there are no faces. Raises UserError."""
    with_pyarrow(path, lambda: _write(path, parts))


def join_codes(files: Sequence[Path], out: Path) -> None:
    """Join files of ``write_codes``. Raises UserError."""
    with_pyarrow(out, lambda: _join([file for file in files if file.exists()], out))


def _write(path: Path, parts: Sequence[Part]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    of_row = [(part.rows[row], part, n) for part in parts for n, row in enumerate(part.with_codes)]
    if not of_row:
        return
    columns = {name: pa.array([row[name] for row, _, _ in of_row]) for name in _OF_ROW}
    for place, name in enumerate(_CODES):
        numbers = [part.codes[place][n] for _, part, n in of_row if part.codes is not None]
        columns[name] = pa.array(numbers, pa.list_(pa.float32()))
    with written_whole(path) as unfinished:
        pq.write_table(pa.table(columns), unfinished)


def _join(files: Sequence[Path], out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    of_row = [("input", pa.string()), ("frame", pa.int64()), ("face", pa.int64())]
    codes = [(name, pa.list_(pa.float32())) for name in _CODES]
    schema = pa.schema([*of_row, *codes])
    with written_whole(out) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        for file in files:
            writer.write_table(pq.read_table(file))
