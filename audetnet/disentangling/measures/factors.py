"""Row 4: pose, light, skin and known changes of the picture, in z1 and in z2."""

from itertools import product

import numpy as np

from audetnet.disentangling.block_metrics import held_out_r2
from audetnet.disentangling.codes import FactorSet
from audetnet.disentangling.measure import finds
from audetnet.disentangling.probes import FEWEST_PEOPLE, regression
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import (
    EVERYTHING,
    Cell,
    Findings,
    Known,
    NotMeasuredError,
    Row,
    needs_people,
    needs_z2,
)
from audetnet.evaluation.people import Statistic, estimate
from audetnet.seeds import Purpose, numpy_generator

GROUPS = {
    "factors": "pose, light and other known factors",
    "augmentation": "brightness, contrast, saturation, flip",
}
_PROBES = {"linear": "ridge regression", "kernel": "kernel ridge regression (RBF)"}
_PEOPLE_FOR_TRAITS = 10
_CONSTANT = 0.01


def _row(group: str, block: str, probe: str) -> Row:
    return Row(
        key=f"{group}_{block}_{probe}",
        number=4,
        title=f"{GROUPS[group]} in {block}, {probe} probe",
        unit="median R^2",
        chance="<= 0",
        ideal="<= 0" if block == "z1" else "1",
        definition=f"{_PROBES[probe]} on standardised codes, five folds by person, penalty chosen "
        "on other people within the fitted ones; R^2 = 1 - SSE / SST over held-out frames against "
        "the mean of the fitted people; median over the factors.",
        headline=probe == "kernel",
    )


ROWS = tuple(
    _row(group, block, probe) for group, block, probe in product(GROUPS, ("z1", "z2"), _PROBES)
)


@finds(*ROWS, of=EVERYTHING)
def measure(subject: Subject) -> Findings:
    """Median R^2 of each group, block and probe, and the R^2 of each factor.

    A trait that hardly varies within a person (skin) is a matter of as many values as there are
    people: with fewer than 10 people it is left out.
    """
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    cells: dict[str, Cell] = {}
    known: list[Known] = []
    sets = {factors.group: factors for factors in subject.factors}
    for group, block, probe in product(GROUPS, subject.blocks, _PROBES):
        try:
            by_factor = _statistics(sets.get(group), block, probe == "kernel")
        except NotMeasuredError as reason:
            cells[f"{group}_{block}_{probe}"] = reason
            continue
        people = len(sets[group].codes.people)
        median = _median(list(by_factor.values()))
        cells[f"{group}_{block}_{probe}"] = estimate(median, people, generator)
        for name, statistic in by_factor.items():
            value = estimate(statistic, people, generator)
            share = max(0.0, value.value)
            known.append(
                Known(
                    factor=name,
                    group=group,
                    block=block,
                    measure=f"R^2, {probe} probe",
                    estimate=value,
                    share=share,
                )
            )
    return Findings(cells, tuple(known))


def _statistics(factors: FactorSet | None, block: str, kernel: bool) -> dict[str, Statistic]:
    if factors is None:
        raise NotMeasuredError("no factors are known of these frames; see --factors")
    if block == "z2":
        needs_z2(factors.codes)
    needs_people(factors.codes, FEWEST_PEOPLE, "a factor probe with folds by person")
    columns = [i for i in range(len(factors.names)) if _varies(factors, i)]
    if not columns:
        raise NotMeasuredError(
            "the factors are constant for each person: with fewer than "
            f"{_PEOPLE_FOR_TRAITS} people they say little"
        )
    z, targets = factors.codes.block(block), factors.values[:, columns]
    person = factors.codes.person
    predicted, means = regression(z, targets, person, kernel)
    return {
        factors.names[i]: held_out_r2(predicted[:, k], targets[:, k], means[:, k], person)
        for k, i in enumerate(columns)
    }


def _varies(factors: FactorSet, index: int) -> bool:
    """Whether a factor says something about these people: it varies within them, or they are
    many.
    """
    values, codes = factors.values[:, index], factors.codes
    within = np.mean([values[codes.person == p].var() for p in range(len(codes.people))])
    varies = values.var() > 0
    many = len(codes.people) >= _PEOPLE_FOR_TRAITS
    return bool(varies and (many or within / values.var() >= _CONSTANT))


def _median(statistics: list[Statistic]) -> Statistic:
    return lambda weights: float(np.median([statistic(weights) for statistic in statistics]))
