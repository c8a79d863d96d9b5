"""All figures of a report, made from its table and its run."""

import numpy as np

from audetnet.disentangling.figures import (
    Illustration,
    Knowledge,
    code_maps,
    knowledge_map,
    row_intervals,
)
from audetnet.disentangling.pictures import (
    au_walks,
    exchange_matrix,
    exchange_strips,
    shuffled_images,
    telling_frames,
)
from audetnet.disentangling.subject import FLOOR, Subject
from audetnet.disentangling.summary import summary
from audetnet.disentangling.table import Known, Table

_MATRIX_FRAMES, _SHUFFLED_FRAMES, _STRIPS = 5, 8, 4
_PANELS = (
    "au_z1_linear_auc",
    "au_z2_linear_auc",
    "au_z2_rbf_auc",
    "identity_z1",
    "identity_z2",
    "same_person_z2",
    "dcor_pooled",
    "dcor_within",
    "redundancy_z2_z1_within",
    "nce_pooled_auc",
    "nce_within_auc",
    "exchange_au_ratio",
)


def illustrate(table: Table, own: Subject) -> list[Illustration]:
    """Every figure of the run ``own``; the first is the summary."""
    run, name = own.trained, own.column.name
    runs = [column.name for column in table.columns if column.is_run]
    figures = [knowledge_map(each, knowledge(table, each)) for each in runs]
    figures += [row_intervals(table, _PANELS), code_maps(own.test, own.au_names)]
    figures.append(au_walks(run.model, own.test, run.test_code, own.au_names))
    telling = telling_frames(own.test, _SHUFFLED_FRAMES)
    pixels = run.test_pixels[telling]
    ids = tuple(run.test.ids[row] for row in telling)
    subjects = tuple(run.test.subjects[row] for row in telling)
    few = slice(_MATRIX_FRAMES)
    figures.append(exchange_matrix(run.model, pixels[few], ids[few], subjects[few]))
    figures.append(shuffled_images(run.model, pixels, ids, subjects))
    strips = exchange_strips(run.model, pixels, _STRIPS)
    return [summary(name, table, name, knowledge(table, name), strips), *figures]


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
            factor,
            group,
            best.get((factor, group, "z1"), float("nan")),
            best.get((factor, group, "z2"), float("nan")),
            best.get((factor, group, FLOOR)),
        )
        for factor, group in factors
    )


def _of(table: Table, column: str) -> tuple[Known, ...]:
    return table.known.get(column, ())
