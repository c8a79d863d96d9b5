"""All figures of a report, made from its table and its run."""

from collections.abc import Sequence

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
from audetnet.disentangling.subject import FLOOR, Subject, with_reference
from audetnet.disentangling.table import Table

_STRIP_FRAMES, _STRIPS = 8, 4


def illustrate(table: Table, subjects: Sequence[Subject]) -> list[Illustration]:
    """The figures of all rows, the first of which is the summary, and those that the measures draw
    of the run, the first of the subjects: with each person's reference where it has one.
    """
    name = subjects[0].column.name
    shown = drawn(subjects)
    run = shown.trained
    runs = [column.name for column in table.columns if column.is_run]
    rows = telling_frames(shown.test, _STRIP_FRAMES)
    strips = exchange_strips(run.model, run.test_pixels[rows], _STRIPS, run.rest_of(rows))
    figures = [summary(name, table, shown.column.name, knowledge(table, name), strips)]
    figures += [knowledge_map(each, knowledge(table, each)) for each in runs]
    figures.append(row_intervals(table))
    for measure in all_measures():
        figures += measure.draw(shown, table)
    return figures


def drawn(subjects: Sequence[Subject]) -> Subject:
    """Whose codes are shown as pictures: the run's with each person's reference if there are such,
    else the run's as they are.
    """
    own = subjects[0]
    wanted = with_reference(own.column.name)
    return next((each for each in subjects if each.column.name == wanted), own)


def knowledge(table: Table, column: str) -> tuple[Knowledge, ...]:
    """What both blocks of a column know of each factor, by the better of the probes, and the floor
    of the true AU labels.
    """
    best: dict[tuple[str, str, str], float] = {}
    factors: dict[tuple[str, str], None] = {}
    for owner in (column, FLOOR):
        for known in table.known.get(owner, ()):
            if known.share is None:
                continue
            place = (known.factor, known.group, known.block if owner == column else FLOOR)
            best[place] = max(known.share, best.get(place, -np.inf))
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
