"""Measuring everything: all rows of all columns."""

from collections.abc import Sequence

from audetnet.console.progress import ProgressBar
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import Measure, all_measures
from audetnet.disentangling.table import (
    Cell,
    FactorEstimate,
    Findings,
    NotMeasuredError,
    Table,
    require_z2,
)


def analyse(columns: Sequence[ColumnData], notes: tuple[str, ...]) -> Table:
    """Measure everything; whatever cannot be measured states why."""
    measures = all_measures()
    tasks = [
        (data, measure)
        for data in columns
        for measure in measures
        if data.column.kind in measure.of
    ]
    cells: dict[str, dict[str, Cell]] = {data.column.name: {} for data in columns}
    factors: dict[str, tuple[FactorEstimate, ...]] = dict.fromkeys(cells, ())
    with ProgressBar("measuring", len(tasks), unit="group of rows") as bar:
        for data, measure in tasks:
            findings = _findings(measure, data)
            cells[data.column.name].update(findings.cells)
            factors[data.column.name] += findings.factors
            bar.advance()
    rows = [row for measure in measures for row in measure.rows]
    return Table(
        rows=tuple(sorted(rows, key=lambda row: row.number)),
        columns=tuple(data.column for data in columns),
        cells=cells,
        factors=factors,
        notes=notes,
    )


def _findings(measure: Measure, data: ColumnData) -> Findings:
    """Rows of a run without z2 that need one say so."""
    findings = Findings({})
    try:
        findings = measure.compute(data)
        if data.column.is_run:
            require_z2(data.test)
    except NotMeasuredError as reason:
        cells = {**{row.key: reason for row in measure.rows}, **findings.cells}
        return Findings(cells, findings.factors)
    return findings
