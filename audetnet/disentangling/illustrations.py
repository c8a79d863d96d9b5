"""All figures of a report, made from its table and its run."""

import numpy as np

from audetnet.disentangling.decoded_images import exchange_strips, telling_frames
from audetnet.disentangling.figures import (
    Illustration,
    Knowledge,
    knowledge_map,
    row_intervals,
)
from audetnet.disentangling.measure import all_measures
from audetnet.disentangling.paper_figure import summary
from audetnet.disentangling.subject import FLOOR, Subject
from audetnet.disentangling.table import Known, Table

_STRIP_FRAMES, _STRIPS = 8, 4


def illustrate(table: Table, own: Subject) -> list[Illustration]:
    """The figures of all rows, the first of which is the summary, and those that the measures draw
    of the run ``own``.
    """
    run, name = own.trained, own.column.name
    runs = [column.name for column in table.columns if column.is_run]
    pixels = run.test_pixels[telling_frames(own.test, _STRIP_FRAMES)]
    strips = exchange_strips(run.model, pixels, _STRIPS)
    figures = [summary(name, table, name, knowledge(table, name), strips)]
    figures += [knowledge_map(each, knowledge(table, each)) for each in runs]
    figures.append(row_intervals(table))
    for measure in all_measures():
        figures += measure.draw(own, table)
    return figures


def knowledge(table: Table, column: str) -> tuple[Knowledge, ...]:
    """What both blocks of a column know of each factor, by the better of the probes, and the floor
    of the true AU labels.
    """
    best: dict[tuple[str, str, str], float] = {}
    for owner in (column, FLOOR):
        for known in table.known.get(owner, ()):
            place = (known.factor, known.group, known.block if owner == column else FLOOR)
            best[place] = max(known.share, best.get(place, -np.inf))
    factors = dict.fromkeys((known.factor, known.group) for known in _of(table, column))
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


def _of(table: Table, column: str) -> tuple[Known, ...]:
    return table.known.get(column, ())
