"""The registry of measures. A new one is a decorated function in a file of measures/, and its test.

The decorator states the rows it computes, for which kinds of columns, and the figures it draws;
it is listed nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from audetnet.disentangling import measures
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.table import CODES, Findings, Kind, Row, Table

Compute = Callable[[ColumnData], Findings]
Draw = Callable[[ColumnData, Table], list[Illustration]]
MEASURES: dict[str, "Measure"] = {}
"""By module name."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """``compute`` computes ``rows`` for every column whose kind is in ``of``. It leaves out rows
    that do not apply, and raises NotMeasuredError if there can be no number. ``draw`` makes the
    figures of the run once everything is measured.
    """

    rows: tuple[Row, ...]
    of: tuple[Kind, ...] = CODES
    compute: Compute
    draw: Draw = lambda _, __: []


def computes(
    *rows: Row, of: tuple[Kind, ...] = CODES, draw: Draw = Measure.draw
) -> Callable[[Compute], Compute]:
    """Register a function as the measure of these rows."""

    def register(compute: Compute) -> Compute:
        assert compute.__module__ not in MEASURES, compute.__module__
        MEASURES[compute.__module__] = Measure(rows=rows, of=of, compute=compute, draw=draw)
        return compute

    return register


def all_measures() -> list[Measure]:
    """Every measure, in the order of row numbers."""
    for module in iter_modules(measures.__path__):  # importing registers
        import_module(f"{measures.__name__}.{module.name}")
    keys = [row.key for measure in MEASURES.values() for row in measure.rows]
    assert len(set(keys)) == len(keys), "two rows have the same key"
    return [
        measure
        for _, measure in sorted(
            MEASURES.items(), key=lambda item: (item[1].rows[0].number, item[0])
        )
    ]
