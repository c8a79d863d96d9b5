"""Row 4: pose, light, skin and known augmentations of the image, in z1 and in z2."""

from itertools import product

import numpy as np

from audetnet.disentangling.block_metrics import held_out_r2
from audetnet.disentangling.codes import FactorSet
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import computes
from audetnet.disentangling.probes import FEWEST_PEOPLE, regression
from audetnet.disentangling.table import (
    ALL_KINDS,
    Cell,
    FactorEstimate,
    Findings,
    NotMeasuredError,
    Row,
    require_people,
    require_z2,
)
from audetnet.evaluation.people import Statistic, estimate

GROUPS = {
    "factors": "pose, light and other known factors",
    "augmentation": "brightness, contrast, saturation, flip",
}
_PROBES = {"linear": "ridge regression", "kernel": "kernel ridge regression (RBF)"}
_PEOPLE_FOR_TRAITS = 10
_CONSTANT = 0.01
"""A factor with a smaller share of its variance within people is a trait."""


def _row(group: str, block: str, probe: str) -> Row:
    return Row(
        key=f"{group}_{block}_{probe}",
        number=4,
        title=f"{GROUPS[group]} in {block}, {probe} probe",
        unit="median R^2",
        chance="<= 0",
        ideal="<= 0" if block == "z1" else "1",
        definition=f"{_PROBES[probe]} on standardised codes, five folds by person, penalty chosen "
        "on held-out people of each training fold; R^2 = 1 - SSE / SST over held-out frames "
        "against the mean of the training people; median over the factors.",
        headline=probe == "kernel",
    )


ROWS = tuple(
    _row(group, block, probe) for group, block, probe in product(GROUPS, ("z1", "z2"), _PROBES)
)


@computes(*ROWS, of=ALL_KINDS)
def measure(data: ColumnData) -> Findings:
    """Median R^2 of each group, block and probe, and R^2 of each factor.

    A trait that hardly varies within a person (skin) has only as many values as there are people;
    it is left out for fewer than 10 people.
    """
    generator = data.generator()
    cells: dict[str, Cell] = {}
    known: list[FactorEstimate] = []
    sets = {factors.group: factors for factors in data.factors}
    for group, block, probe in product(GROUPS, data.blocks, _PROBES):
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
            known.append(
                FactorEstimate(
                    factor=name,
                    group=group,
                    block=block,
                    measure=f"R^2, {probe} probe",
                    estimate=value,
                    share=max(0.0, value.value),
                )
            )
    return Findings(cells, tuple(known))


def _statistics(factors: FactorSet | None, block: str, kernel: bool) -> dict[str, Statistic]:
    """R^2 of each factor by its name."""
    if factors is None:
        raise NotMeasuredError("no factors are known for these frames; see --factors")
    if block == "z2":
        require_z2(factors.codes)
    require_people(factors.codes, FEWEST_PEOPLE, "a factor probe with folds by person")
    columns = [i for i in range(len(factors.names)) if _varies(factors, i)]
    if not columns:
        raise NotMeasuredError(
            "the factors are constant for each person, which says little with fewer than "
            f"{_PEOPLE_FOR_TRAITS} people"
        )
    targets, person = factors.values[:, columns], factors.codes.person
    predicted, means = regression(factors.codes.block(block), targets, person, kernel)
    return {
        factors.names[i]: held_out_r2(predicted[:, k], targets[:, k], means[:, k], person)
        for k, i in enumerate(columns)
    }


def _varies(factors: FactorSet, index: int) -> bool:
    """Whether a factor varies within people, or over enough people."""
    values, codes = factors.values[:, index], factors.codes
    within = np.mean([values[rows].var() for rows in codes.rows_by_person()])
    varies = values.var() > 0
    many = len(codes.people) >= _PEOPLE_FOR_TRAITS
    return bool(varies and (many or within / values.var() >= _CONSTANT))


def _median(statistics: list[Statistic]) -> Statistic:
    return lambda weights: float(np.median([statistic(weights) for statistic in statistics]))
