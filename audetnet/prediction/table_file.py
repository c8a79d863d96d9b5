"""The table of a prediction as CSV or Parquet."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.data.tables import with_pyarrow
from audetnet.files.atomic import atomic_write
from audetnet.files.csv import csv_text, read_csv
from audetnet.prediction.table import Row, Value, is_integer, is_text

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")


def join_rows(
    parts: Sequence[Path], out: Path, names: Sequence[str], facts: Mapping[str, Any]
) -> None:
    """Join CSV parts without headers. A Parquet file stores ``facts`` as JSON in its metadata under
    ``audetnet``. Raises UserError.
    """
    if out.suffix.lower() == ".parquet":
        with_pyarrow(out, lambda: _join_as_parquet(parts, out, names, facts))
        return
    with atomic_write(out) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.write(csv_text([names]))
        for part in parts:
            file.write(part.read_text(encoding="utf-8"))


def read_rows(path: Path) -> list[Row]:
    """The rows of a file. Raises UserError."""
    if path.suffix.lower() == ".parquet":
        return list(with_pyarrow(path, lambda: _parquet_rows(path)))
    header, *rows = read_csv(path)
    return [_typed(header, row) for row in rows]


def _typed(names: Sequence[str], cells: Sequence[str]) -> Row:
    return {name: _value(name, cell) for name, cell in zip(names, cells, strict=True)}


def _value(name: str, cell: str) -> Value:
    if is_text(name):
        return cell
    if not cell:
        return None
    return int(cell) if is_integer(name) else float(cell)


def _join_as_parquet(
    parts: Sequence[Path], out: Path, names: Sequence[str], facts: Mapping[str, Any]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, _arrow_type(name)) for name in names], {"audetnet": json.dumps(facts)}
    )
    with atomic_write(out) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        for part in parts:
            rows = [_typed(names, row) for row in read_csv(part)]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _arrow_type(name: str) -> "pa.DataType":
    import pyarrow as pa

    return pa.string() if is_text(name) else pa.int64() if is_integer(name) else pa.float64()


def _parquet_rows(path: Path) -> list[Row]:
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows
