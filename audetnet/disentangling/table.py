"""Rows, columns and cells of the report as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audetnet.disentangling.codes import Codes
from audetnet.evaluation.people import Estimate

Kind = Literal["run", "compared", "untrained", "permuted", "median", "erased", "outputs", "labels"]
"""Of a column: the run; a run to compare it with; the run with initial weights, with z2 permuted
over frames, with each person's median subtracted from z1, with z2 after linear erasure, with its
AU outputs as z1, with the true AU labels as z1.
"""
RUNS: tuple[Kind, ...] = ("run", "compared")
MODELS: tuple[Kind, ...] = (*RUNS, "untrained")
CODES: tuple[Kind, ...] = (*MODELS, "permuted", "median", "erased")
ALL_KINDS: tuple[Kind, ...] = (*CODES, "outputs", "labels")


class NotMeasuredError(Exception):
    """Why a row has no number on these data, in one line."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of the report. ``number`` groups rows as in the table of docs/report.md."""

    key: str
    number: int
    title: str
    unit: str
    chance: str
    ideal: str
    definition: str
    """How it is measured: formula, folds, averaging, source."""
    headline: bool = False
    """Shown in the summary table."""
    in_summary: str | None = None
    """Label in the summary figure, whose axis runs from 0 to 1."""
    in_intervals: bool = False
    """Has a panel in the figure of all columns."""


@dataclass(frozen=True)
class Column:
    """The head of a column of the report."""

    name: str
    definition: str
    kind: Kind

    @property
    def is_run(self) -> bool:
        """A trained run, not a baseline."""
        return self.kind in RUNS


@dataclass(frozen=True, kw_only=True)
class FactorEstimate:
    """What one block knows about one factor. ``share``: 0 = chance, 1 = everything; None if the
    measure has no such scale.
    """

    factor: str
    group: str
    block: str
    measure: str
    estimate: Estimate
    share: float | None = None


Cell = Estimate | NotMeasuredError
Cells = Mapping[str, Cell]
"""By row key."""


@dataclass(frozen=True)
class Findings:
    """Results of a measure: its rows, and the factors behind them."""

    cells: Cells
    factors: tuple[FactorEstimate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows by all columns. A column lacks the rows that do not apply to it."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: Mapping[str, Cells]
    """By column name."""
    factors: Mapping[str, tuple[FactorEstimate, ...]]
    """By column name."""
    notes: tuple[str, ...]
    """Lines for the user: what was left out, what to be careful about."""


def require_people(codes: Codes, minimum: int, what: str) -> None:
    """Raise NotMeasuredError if the codes are of fewer people."""
    if len(codes.people) == len(codes):
        raise NotMeasuredError(
            f"{what} needs to know who is in each frame, but every frame seems to show another "
            "person: name the subjects in dataset.json (subject_pattern or subjects)"
        )
    if len(codes.people) < minimum:
        raise NotMeasuredError(
            f"{what} needs frames of at least {minimum} people, these are of {len(codes.people)}"
        )


def require_z2(codes: Codes) -> None:
    """Raise NotMeasuredError if there is no z2."""
    if not codes.z2.shape[1]:
        raise NotMeasuredError("the code has no z2: the AUPredictor reads all of it")
