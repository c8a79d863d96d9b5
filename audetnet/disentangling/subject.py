"""What is measured: the codes of a run, of what stands beside it, and the baselines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from audetnet.disentangling.codes import Codes, FactorSet
from audetnet.disentangling.factor_table import FactorTable
from audetnet.disentangling.judge import Judge
from audetnet.disentangling.table import Column, Kind
from audetnet.disentangling.trained_run import TrainedRun
from audetnet.seeds import Purpose, numpy_generator

PERMUTED, PERMUTED_WITHIN = "z2 permuted", "z2 perm. in person"
UNTRAINED, FLOOR = "untrained", "true AU labels"


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class Subject:
    """All that measures read of a column.

    ``train`` and ``test`` are codes of training people and of people to measure on. ``blocks``:
    those in which it differs from the run. ``run``: the model that made the codes, None where no
    model made them as they are.
    """

    column: Column
    train: Codes
    test: Codes
    factors: tuple[FactorSet, ...] = ()
    blocks: tuple[str, ...] = ("z1", "z2")
    run: TrainedRun | None = None
    au_names: tuple[str, ...]
    judge: Judge
    device: torch.device
    seed: int

    @property
    def trained(self) -> TrainedRun:
        """The model of a column of MODELS."""
        assert self.run is not None, self.column.name
        return self.run


def subjects_of(request: Request) -> list[Subject]:
    """A subject for each column of the report, the run first."""
    own = _of_run(request.run, request, "the run as it is", "run")
    compared = [
        _of_run(other, request, "a run to compare with", "compared") for other in request.compared
    ]
    untrained = _of_run(
        request.untrained, request, "the same network before any training", "untrained"
    )
    return [own, *compared, *permuted(own), untrained, labels_alone(own)]


def _of_run(run: TrainedRun, request: Request, definition: str, kind: Kind) -> Subject:
    test = run.codes(of_training=False)
    sets = [run.changed(request.seed)]
    if request.factors is not None:
        sets += request.factors.of(test)
    return Subject(
        column=Column(run.name, definition, kind),
        train=run.codes(of_training=True),
        test=test,
        factors=tuple(sets),
        run=run,
        au_names=request.au_names,
        judge=request.judge,
        device=run.device,
        seed=request.seed,
    )


def permuted(subject: Subject) -> Iterator[Subject]:
    """The subject with z2 taken from other frames: of anyone, then of the same person."""
    for name, within, definition in (
        (PERMUTED, False, "the run with each frame's z2 replaced by that of any other frame"),
        (PERMUTED_WITHIN, True, "the same, by that of another frame of the same person"),
    ):
        generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
        yield replace(
            subject,
            column=Column(name, definition, "permuted"),
            train=subject.train.permuted(generator, within),
            test=subject.test.permuted(generator, within),
            factors=tuple(
                replace(factors, codes=factors.codes.permuted(generator, within))
                for factors in subject.factors
            ),
            blocks=("z2",),
            run=None,
        )


def labels_alone(subject: Subject) -> Subject:
    """What the true labels alone tell: a code z1 of labels, without a z2."""
    definition = "instead of z1 the true AU labels: what a perfect, pure z1 would know"
    return replace(
        subject,
        column=Column(FLOOR, definition, "labels"),
        train=_as_labels(subject.train),
        test=_as_labels(subject.test),
        factors=tuple(
            replace(factors, codes=_as_labels(factors.codes)) for factors in subject.factors
        ),
        blocks=("z1",),
        run=None,
    )


def _as_labels(codes: Codes) -> Codes:
    """The labels as z1, unknown ones at the AU's mean, and no z2."""
    known = ~np.isnan(codes.labels)
    means = np.where(known, codes.labels, 0).sum(axis=0) / known.sum(axis=0).clip(1)
    z1 = np.where(known, codes.labels, means)
    return replace(codes, z1=z1, z2=np.zeros((len(codes), 0)))
