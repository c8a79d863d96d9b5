"""The rows and columns of the report as plain data: what is measured, of what, and how to read
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audetnet.disentangling.codes import Codes
from audetnet.evaluation.people import Estimate

Kind = Literal["run", "compared", "untrained", "permuted", "median", "erased", "outputs", "labels"]
"""Of a column: the run, one that it is compared with, its first weights, its codes with z2 of other
frames, with z1 less the person's median, with z2 after linear erasure, its AU outputs as z1, the
true AU labels as z1.
"""
RUNS: tuple[Kind, ...] = ("run", "compared")
MODELS: tuple[Kind, ...] = (*RUNS, "untrained")
CODES: tuple[Kind, ...] = (*MODELS, "permuted", "median", "erased")
EVERYTHING: tuple[Kind, ...] = (*CODES, "outputs", "labels")


class NotMeasuredError(Exception):
    """Why a row has no number for these data, in one line."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of the report. ``number`` groups rows as the table in docs/report.md does."""

    key: str
    number: int
    title: str
    unit: str
    chance: str
    ideal: str
    definition: str
    """How it is measured: formula, folds, averaging, source."""
    headline: bool = False
    """Printed in the summary table."""
    in_summary: str | None = None
    """Its name in the figure for a paper, which shows numbers from 0 to 1."""
    in_intervals: bool = False
    """Has a panel in the figure of all columns."""


@dataclass(frozen=True)
class Column:
    """What stands above a column of the report."""

    name: str
    definition: str
    kind: Kind

    @property
    def is_run(self) -> bool:
        """A trained run, no baseline."""
        return self.kind in RUNS


@dataclass(frozen=True, kw_only=True)
class Known:
    """What one block knows of one factor. ``share``: 0 = chance, 1 = all; None where the measure
    has no such scale.
    """

    factor: str
    group: str
    block: str
    measure: str
    estimate: Estimate
    share: float | None = None


Cell = Estimate | NotMeasuredError
Cells = dict[str, Cell]
"""Row key -> what was found."""


@dataclass(frozen=True)
class Findings:
    """What a measure found: numbers by row key, and what they consist of by factor."""

    cells: Mapping[str, Cell]
    known: tuple[Known, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows by all columns. Rows that were not asked of a column are absent there."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: Mapping[str, Cells]
    """Column name -> row key -> cell."""
    known: Mapping[str, tuple[Known, ...]]
    """Column name -> what its blocks know of each factor."""
    notes: tuple[str, ...]
    """Lines for the user: what was left out, what to beware of."""


def needs_people(codes: Codes, fewest: int, what: str) -> None:
    """Raise NotMeasuredError unless the codes are of that many people."""
    if len(codes.people) == len(codes):
        raise NotMeasuredError(
            f"{what} needs to know who is in each frame; each frame seems to be of another person: "
            "name the subjects in dataset.json (subject_pattern or subjects)"
        )
    if len(codes.people) < fewest:
        raise NotMeasuredError(
            f"{what} needs frames of at least {fewest} people, these are of {len(codes.people)}"
        )


def needs_z2(codes: Codes) -> None:
    """Raise NotMeasuredError where there is no z2."""
    if not codes.z2.shape[1]:
        raise NotMeasuredError("the code has no z2: the AUPredictor reads all of it")
