"""All figures of a report."""

from collections.abc import Sequence

import numpy as np

from audetnet.disentangling.columns import FLOOR, ColumnData, with_reference
from audetnet.disentangling.decoded_images import diverse_frames, exchange_strips
from audetnet.disentangling.figures import Illustration, Knowledge, knowledge_map, row_intervals
from audetnet.disentangling.measure import all_measures
from audetnet.disentangling.paper_figure import summary
from audetnet.disentangling.table import Table

_STRIP_FRAMES, _STRIPS = 8, 4


def illustrate(table: Table, columns: Sequence[ColumnData]) -> list[Illustration]:
    """The summary, the figures of all rows, and those that the measures draw of the run (the first
    of the columns), with person references if it has them.
    """
    name = columns[0].column.name
    shown = column_to_draw(columns)
    run = shown.model_run
    rows = diverse_frames(shown.test, _STRIP_FRAMES)
    strips = exchange_strips(run.decoded, run.test_code_of(rows), run.test_pixels[rows], _STRIPS)
    runs = [column.name for column in table.columns if column.is_run]
    return [
        summary(name, table, shown.column.name, knowledge(table, name), strips),
        *(knowledge_map(each, knowledge(table, each)) for each in runs),
        row_intervals(table),
        *(figure for measure in all_measures() for figure in measure.draw(shown, table)),
    ]


def column_to_draw(columns: Sequence[ColumnData]) -> ColumnData:
    """The column whose codes are decoded into images: that of the run, with person references if
    there is one.
    """
    own = columns[0]
    wanted = with_reference(own.column.name)
    return next((data for data in columns if data.column.name == wanted), own)


def knowledge(table: Table, column: str) -> tuple[Knowledge, ...]:
    """What both blocks of a column know about each factor, by the best probe, and the floor of the
    true AU labels.
    """
    best: dict[tuple[str, str, str], float] = {}
    factors: dict[tuple[str, str], None] = {}
    for owner in (column, FLOOR):
        for known in table.factors.get(owner, ()):
            if known.share is None:
                continue
            key = (known.factor, known.group, known.block if owner == column else FLOOR)
            best[key] = max(known.share, best.get(key, -np.inf))
            if owner == column:
                factors[known.factor, known.group] = None
    return tuple(
        Knowledge(
            factor=factor,
            group=group,
            z1=best.get((factor, group, "z1"), float("nan")),
            z2=best.get((factor, group, "z2"), float("nan")),
            floor=best.get((factor, group, FLOOR)),
        )
        for factor, group in factors
    )
