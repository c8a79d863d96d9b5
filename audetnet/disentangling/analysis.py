"""All rows of all columns: the run, what it is compared with, and the baselines beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.factor_table import FactorTable
from audetnet.disentangling.judge import Judge
from audetnet.disentangling.measures import (
    aus,
    dependence,
    exchange,
    factors,
    fresh_predictor,
    identity,
    info_nce,
    redundancy,
)
from audetnet.disentangling.run import TrainedRun
from audetnet.disentangling.table import (
    Cells,
    Column,
    Findings,
    Known,
    NotMeasuredError,
    Row,
    Table,
    needs_z2,
)
from audetnet.progress import ProgressBar
from audetnet.seeds import Purpose, numpy_generator

ROWS: tuple[Row, ...] = (
    *aus.ROWS,
    *identity.ROWS,
    *factors.ROWS,
    *dependence.ROWS,
    *redundancy.ROWS,
    *info_nce.ROWS,
    *exchange.ROWS,
    *fresh_predictor.ROWS,
)
PERMUTED, PERMUTED_WITHIN = "z2 permuted", "z2 perm. in person"
UNTRAINED, FLOOR = "untrained", "true AU labels"


@dataclass(frozen=True)
class Request:
    """What to measure: the run, the same with its first weights, runs to compare it with."""

    run: TrainedRun
    untrained: TrainedRun
    compared: Sequence[TrainedRun]
    au_names: tuple[str, ...]
    factors: FactorTable | None
    judge: Judge
    seed: int
    notes: tuple[str, ...]


Task = tuple[Column, tuple[Row, ...], Callable[[], Findings]]


def analyse(request: Request) -> Table:
    """Measure everything; what cannot be measured says why."""
    tasks = list(_tasks(request))
    cells: dict[str, Cells] = {}
    known: dict[str, tuple[Known, ...]] = {}
    with ProgressBar("measuring", len(tasks), unit="group of rows") as bar:
        for column, rows, work in tasks:
            found, parts = _carried_out(column, rows, work)
            cells.setdefault(column.name, {}).update(found)
            known[column.name] = (*known.get(column.name, ()), *parts)
            bar.advance()
    columns = {column.name: column for column, _, _ in tasks}
    return Table(ROWS, tuple(columns.values()), cells, known, request.notes)


def _carried_out(
    column: Column, rows: tuple[Row, ...], work: Callable[[], Findings]
) -> tuple[Cells, tuple[Known, ...]]:
    """What was found; rows of a run that need a z2 that it has not say so."""
    cells: Cells = {}
    known: tuple[Known, ...] = ()
    try:
        findings = work()
        cells, known = dict(findings.cells), findings.known
        if column.is_run:
            needs_z2(column.test)
    except NotMeasuredError as reason:
        cells = {**{row.key: reason for row in rows}, **cells}
    return cells, known


def _tasks(request: Request) -> list[Task]:
    run, seed = request.run, request.seed
    own = _column(run, request, "the run as it is")
    compared = [_column(other, request, "a run to compare with") for other in request.compared]
    untrained = _column(request.untrained, request, "the same network before any training")
    tasks = []
    for column in (own, *compared, *baselines(own, seed), untrained):
        tasks += _of_codes(column, request)
    labels = floor(own)
    tasks += [
        (labels, identity.ROWS, lambda: identity.measure(labels, seed)),
        (labels, factors.ROWS, lambda: factors.measure(labels, seed)),
    ]
    tasks.append(_fresh(untrained, request.untrained, seed))
    for column, other in zip((own, *compared), (run, *request.compared), strict=True):
        tasks += [_exchange(column, other, request), _fresh(column, other, seed)]
    return tasks


def _of_codes(column: Column, request: Request) -> list[Task]:
    seed, device = request.seed, request.run.device
    return [
        (column, aus.ROWS, lambda: aus.measure(column, request.au_names, seed)),
        (column, identity.ROWS, lambda: identity.measure(column, seed)),
        (column, factors.ROWS, lambda: factors.measure(column, seed)),
        (column, dependence.ROWS, lambda: dependence.measure(column, seed)),
        (column, redundancy.ROWS, lambda: redundancy.measure(column, seed)),
        (column, info_nce.ROWS, lambda: info_nce.measure(column, device, seed)),
    ]


def _exchange(column: Column, run: TrainedRun, request: Request) -> Task:
    judge, seed, codes = request.judge, request.seed, column.test

    def work() -> Findings:
        return exchange.measure(run.model, run.test_pixels, codes, judge, run.device, seed)

    return column, exchange.ROWS, work


def _fresh(column: Column, run: TrainedRun, seed: int) -> Task:
    return column, fresh_predictor.ROWS, lambda: fresh_predictor.measure(run, seed)


def _column(run: TrainedRun, request: Request, definition: str) -> Column:
    test = run.codes(of_training=False)
    sets = [run.changed(request.seed)]
    if request.factors is not None:
        sets += request.factors.of(test)
    return Column(
        run.name,
        definition,
        run.codes(of_training=True),
        test,
        tuple(sets),
        is_run=run is not request.untrained,
    )


def baselines(column: Column, seed: int) -> list[Column]:
    """The column with z2 taken from other frames: of anyone, or of the same person."""
    nulls = []
    for name, within, definition in (
        (PERMUTED, False, "the run with each frame's z2 replaced by that of any other frame"),
        (PERMUTED_WITHIN, True, "the same, by that of another frame of the same person"),
    ):
        generator = numpy_generator(seed, Purpose.DISENTANGLING)
        nulls.append(
            Column(
                name,
                definition,
                column.train.permuted(generator, within),
                column.test.permuted(generator, within),
                tuple(
                    replace(factors, codes=factors.codes.permuted(generator, within))
                    for factors in column.factors
                ),
                ("z2",),
            )
        )
    return nulls


def floor(column: Column) -> Column:
    """What the true labels alone tell: a code z1 of labels, without a z2."""
    definition = "instead of z1 the true AU labels: what a perfect, pure z1 would know"
    sets = tuple(replace(factors, codes=_as_labels(factors.codes)) for factors in column.factors)
    train, test = _as_labels(column.train), _as_labels(column.test)
    return Column(FLOOR, definition, train, test, sets, ("z1",))


def _as_labels(codes: Codes) -> Codes:
    """The labels as z1, unknown ones at the AU's mean, and no z2."""
    known = ~np.isnan(codes.labels)
    means = np.where(known, codes.labels, 0).sum(axis=0) / known.sum(axis=0).clip(1)
    z1 = np.where(known, codes.labels, means)
    return replace(codes, z1=z1, z2=np.zeros((len(codes), 0)))
