"""The names of AUs: dataset.json, the AU table and the cfg may give them, and must agree."""

from pathlib import Path

from audetnet.console.lines import counted
from audetnet.data.metadata import METADATA_FILE, Metadata
from audetnet.data.names import au_fault
from audetnet.data.tables import AUTable, duplicates
from audetnet.errors import UserError, first_few


def au_names_of(
    directory: Path, table: AUTable, metadata: Metadata, asked: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Names of a table's columns. Raises UserError if dataset.json, the table and the cfg name them
    differently.
    """
    named = {
        str(directory / METADATA_FILE): metadata.aus,
        str(table.path): table.names,
        "au_names of the cfg": asked,
    }
    sources = [(source, names) for source, names in named.items() if names]
    if not sources:
        return names_by_column(table)
    for source, names in sources:
        for name in names:
            if fault := au_fault(name):
                raise UserError(f"{source}: the AU name '{name}' {fault}")
        if repeated := duplicates(names):
            raise UserError(f"{source}: duplicate AU names: {first_few(repeated)}")
    source, names = sources[0]
    if len(names) != table.au_count:
        raise UserError(
            f"{table.path}: rows have {counted(table.au_count, 'value')}, but {source} names "
            f"{counted(len(names), 'AU')}"
        )
    for other, others in sources[1:]:
        if others != names:
            raise UserError(
                f"{source}: its AUs ({', '.join(names)}) differ from those of {other} "
                f"({', '.join(others)}); "
                + ("delete au_names" if asked is not None else "make them the same")
            )
    return names


def names_by_column(table: AUTable) -> tuple[str, ...]:
    """Default names of unnamed columns."""
    return tuple(f"column {column}" for column in range(table.au_count))
