"""A label table on its way from raw files to a dataset directory."""

import argparse
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audetnet.console.lines import counted
from audetnet.data.metadata import Metadata, update_metadata
from audetnet.data.tables import TABLE_NAME, TableFormat, find_tables, write_labels
from audetnet.errors import SeveralUserErrors, UserError, first_few
from audetnet.labels import ACTIVE_INTENSITY, MAX_INTENSITY, FloatArray, active
from create_dataset.summary import Summary

_MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class LabelTable:
    """N frames with A labels each; ``values`` is float32 (N, A), NaN = unknown. ``metadata`` names
    the columns and the scale.
    """

    ids: Sequence[str]
    values: FloatArray
    metadata: Metadata

    def as_occurrence(self) -> "LabelTable":
        """1 where an intensity reaches the threshold, else 0."""
        metadata = dataclasses.replace(self.metadata, kind="occurrence")
        values = active(self.values, self.metadata.threshold)
        return LabelTable(self.ids, values, metadata)


class Mistakes:
    """Collects the mistakes in raw files, so that all are reported at once."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        self._lines.append(line)

    def check(self) -> None:
        """Raise UserError with all of them, if there are any, before anything is written."""
        if self._lines:
            shown = self._lines[:_MISTAKES_SHOWN]
            more = len(self._lines) - len(shown)
            last = [f"... and {more} more"] if more else []
            raise SeveralUserErrors([*shown, *last, "nothing was written"])


def add_table_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of every script that writes a table."""
    flags.add_argument("out", type=Path, metavar="OUT", help="dataset directory to write to")
    flags.add_argument(
        "--format",
        choices=("csv", "parquet", "pkl"),
        default="csv",
        help=f"write {TABLE_NAME}.csv, .parquet or .pkl (default: csv)",
    )


def add_scale_flags(flags: argparse.ArgumentParser, default: float | None) -> None:
    """Add --occurrence and --threshold, for raw files that hold intensities or scores."""
    flags.add_argument(
        "--occurrence", action="store_true", help="write 0/1: active from --threshold up"
    )
    flags.add_argument(
        "--threshold",
        type=threshold,
        default=default,
        help=f"smallest active intensity, stored in dataset.json (default: {ACTIVE_INTENSITY:g})",
    )


def threshold(text: str) -> float:
    """The type of --threshold."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_INTENSITY:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0, at most {MAX_INTENSITY}, not '{text}'"
        )
    return value


def select_subjects(found: Iterable[str], asked: Sequence[str] | None, where: Path) -> list[str]:
    """The subjects to read, sorted. Raises UserError for an unknown one."""
    known = sorted(found)
    if asked is None:
        return known
    unknown = [subject for subject in asked if subject not in known]
    if unknown:
        raise UserError(
            f"{where}: --subjects names {first_few(unknown)}; there are {first_few(known)}"
        )
    return sorted(asked)


def check_no_other_table(out: Path, table_format: TableFormat) -> None:
    """Raise UserError if the directory has a table in another format: only one is allowed."""
    for present in find_tables(out) if out.is_dir() else []:
        if present.name != f"{TABLE_NAME}.{table_format}":
            raise UserError(
                f"{present}: is the AU table of this directory; delete it, or write to another "
                "directory"
            )


def write_dataset(
    table: LabelTable, out: Path, table_format: TableFormat, summary: Summary
) -> None:
    """Write the table and dataset.json. Raises FileError."""
    metadata = table.metadata
    assert metadata.aus is not None and metadata.kind is not None
    path = write_labels(out, table.ids, table.values, metadata.aus, table_format)
    said = {field.name: getattr(metadata, field.name) for field in dataclasses.fields(Metadata)}
    described = update_metadata(out, **{k: v for k, v in said.items() if v is not None})
    summary.wrote(
        path,
        f"{counted(len(table.ids), 'frame')}, {counted(len(metadata.aus), 'AU')} "
        f"({metadata.kind}): {', '.join(metadata.aus)}",
    )
    summary.wrote(described, "AU names, kind, threshold, source, subjects")
    unknown = np.isnan(table.values).sum(axis=0)
    for name, count in zip(metadata.aus, unknown, strict=True):
        if count:
            summary.note(f"{name}: {count} of {counted(len(table.ids), 'frame')} unknown")
