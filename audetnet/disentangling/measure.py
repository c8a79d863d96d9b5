"""What a measure is. A new one is one decorated function in a file of measures/, and its test.

The decorator says which rows it finds, of which columns, and which figures belong to them; nothing
else lists it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from audetnet.disentangling import measures
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import CODES, Findings, Kind, Row, Table

Find = Callable[[Subject], Findings]
Draw = Callable[[Subject, Table], list[Illustration]]
MEASURES: dict[str, "Measure"] = {}
"""By the module that holds it."""


def _nothing(_: Subject, __: Table) -> list[Illustration]:
    return []


@dataclass(frozen=True, kw_only=True)
class Measure:
    """``find`` finds ``rows`` of every column whose kind is among ``of``. It leaves out rows that
    have nothing to measure there, and says by NotMeasuredError why there is no number. ``draw``
    makes the figures of the run when everything is measured.
    """

    rows: tuple[Row, ...]
    of: tuple[Kind, ...] = CODES
    find: Find
    draw: Draw = _nothing


def finds(
    *rows: Row, of: tuple[Kind, ...] = CODES, draw: Draw = _nothing
) -> Callable[[Find], Find]:
    """Register a function as the measure of these rows."""

    def register(find: Find) -> Find:
        assert find.__module__ not in MEASURES, find.__module__
        MEASURES[find.__module__] = Measure(rows=rows, of=of, find=find, draw=draw)
        return find

    return register


def all_measures() -> list[Measure]:
    """Every measure there is, in the order of the rows' numbers."""
    for module in iter_modules(measures.__path__):  # each registers what it holds
        import_module(f"{measures.__name__}.{module.name}")
    keys = [row.key for measure in MEASURES.values() for row in measure.rows]
    assert len(set(keys)) == len(keys), "two rows of one key"
    return [MEASURES[name] for name in sorted(MEASURES, key=_place)]


def _place(name: str) -> tuple[int, str]:
    return MEASURES[name].rows[0].number, name
