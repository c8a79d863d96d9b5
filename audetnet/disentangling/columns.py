"""The columns of the report: the run, runs to compare it with, and baselines from its codes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from audetnet.data.factors import FactorTable
from audetnet.disentangling.codes import Codes, FactorSet, known_factors, make_codes
from audetnet.disentangling.erasure import fitted_eraser
from audetnet.disentangling.expressions import Expressions
from audetnet.disentangling.identity_embedding import ReferenceNetworks
from audetnet.disentangling.table import Column, Kind
from audetnet.disentangling.trained_run import AUGMENTATIONS, Augmented, TrainedRun
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate, Statistic, estimate
from audetnet.seeds import Purpose, numpy_generator

PERMUTED, PERMUTED_WITHIN = "z2 permuted", "z2 perm. in person"
MEDIAN, ERASED = "person median subtracted", "z2 erased (LEACE)"
UNTRAINED, OUTPUTS, FLOOR = "untrained", "own AU outputs", "true AU labels"


def with_reference(run: str) -> str:
    """Name of the column of a run with its person references subtracted (cfgs with
    [person_reference]).
    """
    return f"{run}, with reference"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to measure: the run, the same network before training, and runs to compare with."""

    run: TrainedRun
    untrained: TrainedRun
    compared: Sequence[TrainedRun]
    au_names: tuple[str, ...]
    factors: FactorTable | None
    expressions: Expressions
    networks: ReferenceNetworks
    seed: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ColumnData:
    """Everything the measures read to fill one column.

    ``train`` and ``test``: codes of the training people and of the people to measure on.
    ``blocks``: those that differ from the run's; ``scopes``: those in which z1 and z2 may depend on
    each other differently than in the run. ``run``: the model that produced the codes, None if they
    were changed afterwards. ``predictions`` (N, A): AUPredictor outputs on the test frames,
    probabilities or intensities. ``expressions``: of the test frames.
    """

    column: Column
    train: Codes
    test: Codes
    factors: tuple[FactorSet, ...] = ()
    blocks: tuple[str, ...] = ("z1", "z2")
    scopes: tuple[str, ...] = ("pooled", "within")
    run: TrainedRun | None = None
    predictions: Array | None = None
    expressions: Expressions
    au_names: tuple[str, ...]
    networks: ReferenceNetworks
    device: torch.device
    seed: int

    @property
    def model_run(self) -> TrainedRun:
        """The run of a column in MODELS."""
        assert self.run is not None, self.column.name
        return self.run

    def generator(self) -> np.random.Generator:
        """A fresh generator, the same for every column and measure."""
        return numpy_generator(self.seed, Purpose.DISENTANGLING)

    def estimator(self) -> Callable[[Statistic], Estimate]:
        """Estimates statistics with intervals over the test people."""
        people, generator = len(self.test.people), self.generator()
        return lambda statistic: estimate(statistic, people, generator)


def columns_of(request: Request) -> list[ColumnData]:
    """The data of every column of the report, the run first."""

    def of_run(run: TrainedRun, augmented: Augmented, definition: str, kind: Kind) -> ColumnData:
        column = Column(run.name, definition, kind)
        predictions = run.predictions(run.test_code)
        return replace(_of_codes(run, augmented, request, column), run=run, predictions=predictions)

    def beside(run: TrainedRun, definition: str, kind: Kind) -> ColumnData:
        return of_run(run, run.augmented(request.seed), definition, kind)

    augmented = request.run.augmented(request.seed)
    own = of_run(request.run, augmented, "the run as it is", "run")
    return [
        own,
        *(beside(run, "a run to compare with", "compared") for run in request.compared),
        *permuted(own),
        *minus_median(own),
        *erased(own),
        beside(request.untrained, "the same network before training", "untrained"),
        _outputs_as_z1(request, augmented),
        labels_as_z1(own),
    ]


def _of_codes(
    run: TrainedRun, augmented: Augmented, request: Request, column: Column
) -> ColumnData:
    test = run.codes(of_training=False)
    augmentation = FactorSet(
        group="augmentation",
        names=AUGMENTATIONS,
        values=augmented.values,
        codes=make_codes(run.test, augmented.code, run.active_from),
    )
    known = known_factors(request.factors, test) if request.factors else []
    return ColumnData(
        column=column,
        train=run.codes(of_training=True),
        test=test,
        factors=(augmentation, *known),
        expressions=request.expressions,
        au_names=request.au_names,
        networks=request.networks,
        device=run.device,
        seed=request.seed,
    )


def _outputs_as_z1(request: Request, augmented: Augmented) -> ColumnData:
    run = request.run
    definition = (
        "the run's own AU outputs (scores) as z1, and no z2: what any z1 with these outputs must "
        "know"
    )
    scores = Augmented(augmented.values, run.scores(augmented.code))
    column = Column(OUTPUTS, definition, "outputs")
    return replace(_of_codes(run.with_scores_as_z1(), scores, request, column), blocks=("z1",))


def permuted(data: ColumnData) -> Iterator[ColumnData]:
    """z2 from other frames: of anyone, then of the same person."""
    for name, within, definition in (
        (PERMUTED, False, "the run with the z2 of each frame taken from a random other frame"),
        (PERMUTED_WITHIN, True, "the same, from a random other frame of the same person"),
    ):
        permute = partial(Codes.permuted, generator=data.generator(), within=within)
        yield _changed(data, Column(name, definition, "permuted"), permute, blocks=("z2",))


def minus_median(data: ColumnData) -> Iterator[ColumnData]:
    """z1 minus each person's median, if it is known who is in each frame."""
    train, test = data.train, data.test
    if any(len(codes.people) == len(codes) for codes in (train, test)):
        return
    definition = (
        "the run with z1 minus its median over the person's own frames of the sample (for "
        "augmented images, over the original ones); uses no labels. Caveats: it uses the test "
        "person's other frames and loses an expression that is held throughout, and the error of a "
        "median over few frames identifies the person again. Rows within person would equal the "
        "run's; row 10 is of predictions from z1 minus the median, plus the mean median of the "
        "training people"
    )
    found = _changed(
        data,
        Column(MEDIAN, definition, "median"),
        lambda codes: codes.minus_median(train if codes is train else test),
        blocks=("z1",),
    )
    predictions = None if data.run is None else data.run.predictions_minus_median()
    yield replace(found, scopes=("pooled",), predictions=predictions)


def erased(data: ColumnData) -> Iterator[ColumnData]:
    """z2, if there is one, after linear erasure of the AU labels."""
    train = data.train
    if not train.z2.shape[1]:
        return
    definition = (
        "the run with z2 after linear erasure of the AU labels, fitted on the training people, "
        "after which their z2 has no covariance with the labels (LEACE, Belrose et al. 2023; "
        "unknown labels set to the AU's mean): what z2 still reveals about the AUs is non-linear, "
        "or differs by person"
    )
    erase = fitted_eraser(train.z2, train.imputed_labels())
    yield _changed(
        data,
        Column(ERASED, definition, "erased"),
        lambda codes: replace(codes, z2=erase(codes.z2)),
        blocks=("z2",),
    )


def labels_as_z1(data: ColumnData) -> ColumnData:
    """The true labels as z1, and no z2."""
    found = _changed(
        data,
        Column(FLOOR, "the true AU labels as z1: what a perfect, pure z1 would know", "labels"),
        lambda codes: replace(codes, z1=codes.imputed_labels(), z2=np.zeros((len(codes), 0))),
        blocks=("z1",),
    )
    predictions = None if data.run is None else data.run.labels_as_predictions()
    return replace(found, predictions=predictions)


def _changed(
    data: ColumnData, column: Column, change: Callable[[Codes], Codes], blocks: tuple[str, ...]
) -> ColumnData:
    """All codes changed, so that they are no longer those of the model."""
    return replace(
        data,
        column=column,
        train=change(data.train),
        test=change(data.test),
        factors=tuple(replace(factors, codes=change(factors.codes)) for factors in data.factors),
        blocks=blocks,
        run=None,
        predictions=None,
    )
