"""What is measured: the codes of a run, of what stands beside it, and the baselines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from audetnet.data.factors import FactorTable
from audetnet.disentangling.codes import Codes, FactorSet, known_factors, make_codes
from audetnet.disentangling.erasure import fitted_eraser
from audetnet.disentangling.expressions import Expressions
from audetnet.disentangling.identity_judge import Judges
from audetnet.disentangling.table import Column, Kind
from audetnet.disentangling.trained_run import CHANGES, Changed, TrainedRun
from audetnet.evaluation.metrics import Array
from audetnet.seeds import Purpose, numpy_generator

PERMUTED, PERMUTED_WITHIN = "z2 permuted", "z2 perm. in person"
MEDIAN, ERASED = "person median subtracted", "z2 erased (LEACE)"
UNTRAINED, OUTPUTS, FLOOR = "untrained", "own AU outputs", "true AU labels"


def with_reference(run: str) -> str:
    """The column of a run when each person's reference is taken off; it has one where its cfg has a
    [person_reference].
    """
    return f"{run}, with reference"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to measure: the run, the same with its first weights, runs to compare it with."""

    run: TrainedRun
    untrained: TrainedRun
    compared: Sequence[TrainedRun]
    au_names: tuple[str, ...]
    factors: FactorTable | None
    expressions: Expressions
    judges: Judges
    seed: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """All that measures read of a column.

    ``train`` and ``test`` are codes of training people and of people to measure on. ``blocks``:
    those in which it differs from the run; ``scopes``: those in which z1 and z2 may depend on each
    other in another way than the run's. ``run``: the model that made the codes, None where no model
    made them as they are. ``predictions`` (N, A): what an AUPredictor says of the test frames,
    probabilities or intensities, None where none does. ``expressions``: of the test frames.
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
    judges: Judges
    device: torch.device
    seed: int

    @property
    def trained(self) -> TrainedRun:
        """The model of a column of MODELS."""
        assert self.run is not None, self.column.name
        return self.run


def subjects_of(request: Request) -> list[Subject]:
    """A subject for each column of the report, the run first."""

    def of_run(run: TrainedRun, definition: str, kind: Kind) -> Subject:
        column = Column(run.name, definition, kind)
        return _with_predictions(_of_run(run, run.changed(request.seed), request, column))

    run, changed = request.run, request.run.changed(request.seed)
    column = Column(run.name, "the run as it is", "run")
    own = _with_predictions(_of_run(run, changed, request, column))
    return [
        own,
        *(of_run(other, "a run to compare with", "compared") for other in request.compared),
        *permuted(own),
        *less_median(own),
        *erased(own),
        of_run(request.untrained, "the same network before any training", "untrained"),
        _outputs_alone(request, changed),
        labels_alone(own),
    ]


def _of_run(run: TrainedRun, changed: Changed, request: Request, column: Column) -> Subject:
    test = run.codes(of_training=False)
    known = FactorSet(
        group="augmentation",
        names=CHANGES,
        values=changed.values,
        codes=make_codes(run.test, changed.code, run.active_from),
    )
    return Subject(
        column=column,
        train=run.codes(of_training=True),
        test=test,
        factors=(known, *(known_factors(request.factors, test) if request.factors else ())),
        run=run,
        expressions=request.expressions,
        au_names=request.au_names,
        judges=request.judges,
        device=run.device,
        seed=request.seed,
    )


def _with_predictions(subject: Subject) -> Subject:
    """The subject with what its model predicts from its codes."""
    run = subject.trained
    return replace(subject, predictions=run.predictions(run.test_code))


def _outputs_alone(request: Request, changed: Changed) -> Subject:
    """What the run's AU outputs alone tell: a code z1 of scores, without a z2."""
    run = request.run
    definition = (
        "instead of z1 the run's own AU outputs (scores), and no z2: what any z1 that yields these "
        "outputs must know"
    )
    as_z1 = Changed(changed.values, run.scores(changed.code))
    found = _of_run(run.with_scores_as_z1(), as_z1, request, Column(OUTPUTS, definition, "outputs"))
    return replace(found, blocks=("z1",), run=None)


def permuted(subject: Subject) -> Iterator[Subject]:
    """The subject with z2 taken from other frames: of anyone, then of the same person."""
    for name, within, definition in (
        (PERMUTED, False, "the run with each frame's z2 replaced by that of any other frame"),
        (PERMUTED_WITHIN, True, "the same, by that of another frame of the same person"),
    ):
        permute = partial(
            Codes.permuted,
            generator=numpy_generator(subject.seed, Purpose.DISENTANGLING),
            within=within,
        )
        yield replace(
            _changed(subject, Column(name, definition, "permuted"), permute), blocks=("z2",)
        )


def less_median(subject: Subject) -> Iterator[Subject]:
    """The subject with z1 less what a person's is at rest, if it is known who is in each frame."""
    train, test = subject.train, subject.test
    if any(len(codes.people) == len(codes) for codes in (train, test)):
        return
    definition = (
        "the run with z1 less its median over the person's own frames of the sample (changed "
        "pictures: over the unchanged ones); no labels are used. Beware: it uses the test person's "
        "other frames and loses an expression that is held throughout, and the error of a median "
        "over few frames marks the person anew. Rows within person would be the run's; row 10 is "
        "of predictions from z1 less the median, plus the mean median of the training people"
    )
    column = Column(MEDIAN, definition, "median")
    found = _changed(
        subject, column, lambda codes: codes.less_median(train if codes is train else test)
    )
    said = None if subject.run is None else subject.run.predictions_less_median()
    yield replace(found, blocks=("z1",), scopes=("pooled",), predictions=said)


def erased(subject: Subject) -> Iterator[Subject]:
    """The subject with z2, if there is one, after linear erasure of the AU labels."""
    train = subject.train
    if not train.z2.shape[1]:
        return
    definition = (
        "the run with z2 after linear erasure of the AU labels, fitted on the training people, to "
        "whose z2 it leaves no covariance with them (LEACE, Belrose et al. 2023; unknown labels at "
        "the AU's mean): what z2 still tells of the AUs is not linear, or differs by person"
    )
    eraser = fitted_eraser(train.z2, train.filled_labels())
    found = _changed(
        subject,
        Column(ERASED, definition, "erased"),
        lambda codes: replace(codes, z2=eraser.erased(codes.z2)),
    )
    yield replace(found, blocks=("z2",))


def labels_alone(subject: Subject) -> Subject:
    """What the true labels alone tell: a code z1 of labels, without a z2."""
    definition = "instead of z1 the true AU labels: what a perfect, pure z1 would know"
    found = _changed(
        subject,
        Column(FLOOR, definition, "labels"),
        lambda codes: replace(codes, z1=codes.filled_labels(), z2=np.zeros((len(codes), 0))),
    )
    said = None if subject.run is None else subject.run.labels_as_predictions()
    return replace(found, blocks=("z1",), predictions=said)


def _changed(subject: Subject, column: Column, change: Callable[[Codes], Codes]) -> Subject:
    """The subject with all codes changed, which are no longer those of its model."""
    return replace(
        subject,
        column=column,
        train=change(subject.train),
        test=change(subject.test),
        factors=tuple(replace(known, codes=change(known.codes)) for known in subject.factors),
        run=None,
        predictions=None,
    )
