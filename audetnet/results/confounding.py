"""What an AU's training tie to a factor costs: AUC on people who have the same tie, none, and the
opposite one, with intervals over people.

N test frames of P people. Several trainings (seeds) of one cfg count as one: their numbers are
averaged for each sample of people. Differences to the first cfg are paired, of the same people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.disentangling.block_metrics import macro_auc
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate, Indices
from audetnet.files.csv import Cell
from audetnet.results.estimates import bootstrap_weights, intervals
from audetnet.results.plain import plain_number
from audetnet.results.sheet import Sheet, number, with_interval
from audetnet.results.tied_sets import TESTS, Tie

_QUANTITIES = (*TESTS, "gap", "gap_change", "none_change")
CAPTION = """AUC of {au} on test people in whom it goes with {factor} as in the training (same), not
at all (none) and the other way round (opposite). Gap: same minus opposite. Strengths are Goodman
and Kruskal's gamma; after a training without a tie the tests are those of the strongest. In
brackets 95 % intervals over people; changes are to {first}, on the same people. Better: the gap is
at most half of that of {first}, and the AUC without a tie is not shown to be lower."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A cfg trained with a tie of some strength. ``gap`` is the AUC of the same tie minus that of
    the opposite one; changes are to the first cfg, None of that itself.
    """

    name: str
    strength: float
    seeds: int
    same: Estimate
    none: Estimate
    opposite: Estimate
    gap: Estimate
    gap_change: Estimate | None
    none_change: Estimate | None
    verdict: str


def lines(
    strength: float,
    scores: Mapping[str, Array],
    labels: Array,
    person: Indices,
    tests: Mapping[str, Indices],
) -> list[Line]:
    """A line for each cfg, the first of which the others are compared with. ``scores`` (S, N) of
    its S trainings; ``labels`` (N,) are 1, 0 or NaN; ``person`` (N,) counts from 0; ``tests``: the
    rows of each.
    """
    people = int(person.max()) + 1
    weights = bootstrap_weights(people, 0)
    drawn = {
        name: {test: _drawn(own, labels, person, tests[test], weights) for test in TESTS}
        for name, own in scores.items()
    }
    for own in drawn.values():
        own["gap"] = own["same"] - own["opposite"]
    first, *_ = drawn.values()
    found = []
    for name, own in drawn.items():
        values = {key: _estimate(each, people) for key, each in own.items()}
        gap_change, none_change, verdict = None, None, "-"
        if own is not first:
            gap_change, none_change = (
                _estimate(own[key] - first[key], people) for key in ("gap", "none")
            )
            if strength:
                verdict = _verdict(own["gap"][0], first["gap"][0], none_change)
        found.append(
            Line(
                name=name,
                strength=strength,
                seeds=len(scores[name]),
                **values,
                gap_change=gap_change,
                none_change=none_change,
                verdict=verdict,
            )
        )
    return found


def _drawn(scores: Array, labels: Array, person: Indices, rows: Indices, weights: Array) -> Array:
    """The mean AUC of trainings on some rows, for each weighting of the people, (K,)."""
    some = int(person[rows].max()) + 1
    each = [macro_auc(own[rows, None], labels[rows, None], person[rows]) for own in scores]
    return np.array([np.mean([auc(row[:some]) for auc in each]) for row in weights])


def _estimate(drawn: Array, people: int) -> Estimate:
    low, high = intervals(drawn[1:, None], people) if len(drawn) > 1 else ([np.nan], [np.nan])
    return Estimate(value=float(drawn[0]), low=float(low[0]), high=float(high[0]))


def _verdict(gap: float, first: float, none_change: Estimate) -> str:
    if not gap <= first / 2:
        return "no"
    return "better" if not none_change.high < 0 else "gap only"


def sheet(tie: Tie, found: Sequence[Line]) -> Sheet:
    """The table of a tie."""
    header = ("cfg", "tie", "seeds", *TESTS, "gap", "change of gap", "change of none", "verdict")
    rows = [
        (
            line.name,
            f"{line.strength:g}",
            str(line.seeds),
            *(number(getattr(line, test).value) for test in TESTS),
            *map(with_interval, (line.gap, line.gap_change, line.none_change)),
            line.verdict,
        )
        for line in found
    ]
    caption = CAPTION.format(au=tie.au, factor=tie.factor, first=found[0].name)
    return Sheet(title=str(tie), caption=caption, header=header, rows=rows)


def table(tie: Tie, found: Sequence[Line]) -> list[list[Cell]]:
    """All numbers, as csv, the header first: a row for each cfg, strength and quantity."""
    names = ["au", "factor", "cfg", "strength", "seeds", "quantity", "value", "low", "high"]
    rows: list[list[Cell]] = [[*names, "verdict"]]
    for line in found:
        for quantity in _QUANTITIES:
            estimate: Estimate | None = getattr(line, quantity)
            if estimate is not None:
                numbers = map(plain_number, (estimate.value, estimate.low, estimate.high))
                place: list[Cell] = [tie.au, tie.factor, line.name, line.strength, line.seeds]
                rows.append([*place, quantity, *numbers, line.verdict])
    return rows
