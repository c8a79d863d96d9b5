"""The rows and columns of the report as plain data: what is measured, of what, and how to read
it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audetnet.disentangling.codes import Codes
from audetnet.evaluation.people import Estimate


class NotMeasuredError(Exception):
    """Why a row has no number for these data, in one line."""


@dataclass(frozen=True)
class Row:
    """One number of the report. ``number`` is that of the table in the README (1-8, 9 = the fresh
    AUPredictor).
    """

    key: str
    number: int
    title: str
    unit: str
    chance: str
    ideal: str
    definition: str
    """How it is measured: formula, folds, averaging, source."""


@dataclass(frozen=True)
class Column:
    """What is measured: a run, or the same with something taken away, to compare with."""

    name: str
    definition: str
    train: Codes
    test: Codes


Cell = Estimate | NotMeasuredError
Cells = dict[str, Cell]
"""Row key -> what was found."""
Measure = Callable[[Column, int], Mapping[str, Estimate]]
"""Measures some rows of a column, with a seed. Raises NotMeasuredError where the data do not do."""


@dataclass(frozen=True)
class Table:
    """All rows by all columns. Rows that were not asked of a column are absent there."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: Mapping[str, Cells]
    """Column name -> row key -> cell."""
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


def plain(value: Any) -> Any:
    """JSON data of estimates: NaN becomes None."""
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, Estimate):
        return {name: plain(inner) for name, inner in vars(value).items()}
    return value


def first_reason(cells: Iterable[Cell]) -> str:
    """The first reason why something was not measured; empty if all was."""
    return next((str(cell) for cell in cells if isinstance(cell, NotMeasuredError)), "")
