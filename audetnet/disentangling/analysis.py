"""All rows of all columns: the run, what it is compared with, and the baselines beside it."""

from collections.abc import Sequence

from audetnet.console.progress import ProgressBar
from audetnet.disentangling.measure import Measure, all_measures
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import Cells, Known, NotMeasuredError, Row, Table, needs_z2


def analyse(subjects: Sequence[Subject], notes: tuple[str, ...]) -> Table:
    """Measure everything, a column a subject; what cannot be measured says why."""
    measures = all_measures()
    tasks = [
        (subject, measure)
        for subject in subjects
        for measure in measures
        if subject.column.kind in measure.of
    ]
    cells: dict[str, Cells] = {subject.column.name: {} for subject in subjects}
    known: dict[str, tuple[Known, ...]] = dict.fromkeys(cells, ())
    with ProgressBar("measuring", len(tasks), unit="group of rows") as bar:
        for subject, measure in tasks:
            found, parts = _carried_out(measure, subject)
            cells[subject.column.name].update(found)
            known[subject.column.name] += parts
            bar.advance()
    columns = tuple(subject.column for subject in subjects)
    return Table(rows=_by_number(measures), columns=columns, cells=cells, known=known, notes=notes)


def _by_number(measures: Sequence[Measure]) -> tuple[Row, ...]:
    rows = [row for measure in measures for row in measure.rows]
    return tuple(sorted(rows, key=lambda row: row.number))


def _carried_out(measure: Measure, subject: Subject) -> tuple[Cells, tuple[Known, ...]]:
    """What was found; rows of a run that need a z2 that it has not say so."""
    cells: Cells = {}
    known: tuple[Known, ...] = ()
    try:
        findings = measure.find(subject)
        cells, known = dict(findings.cells), findings.known
        if subject.column.is_run:
            needs_z2(subject.test)
    except NotMeasuredError as reason:
        cells = {**{row.key: reason for row in measure.rows}, **cells}
    return cells, known
