"""Row 5: statistical dependence of z1 and z2, over all frames and within each person."""

from itertools import product

import numpy as np

from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.matrix_correlation import (
    PERMUTATIONS,
    chi_square_p_value,
    dependence,
    distances,
    kernel_distances,
    shift_p_value,
    u_centred,
    within_person,
)
from audetnet.disentangling.measure import computes
from audetnet.disentangling.table import Findings, NotMeasuredError, Row, require_z2
from audetnet.evaluation.people import Estimate, estimate

FEWEST_FRAMES = 20
_MOST_FRAMES = 2000
_STATISTICS = {"dcor": distances, "hsic": kernel_distances}
_NAMES = {
    "dcor": ("bias-corrected dCor^2", "Szekely & Rizzo 2014"),
    "hsic": ("unbiased HSIC", "RBF kernel, median distance; normalised; Song et al. 2012"),
}
_SCOPES = {
    "pooled": (
        "over all frames",
        "p: chi-square (Shen et al. 2022), as if frames were independent",
    ),
    "within": (
        "codes minus their person's mean",
        f"p: z2 shifted in time against z1 person by person, {PERMUTATIONS} times",
    ),
}


def _row(statistic: str, scope: str) -> Row:
    name, source = _NAMES[statistic]
    where, p = _SCOPES[scope]
    scope_name = "within person" if scope == "within" else "pooled"
    return Row(
        key=f"{statistic}_{scope}",
        number=5,
        title=f"dependence of z1 and z2, {scope_name}",
        unit=name,
        chance="0",
        ideal="0",
        definition=f"{name} ({source}), {where}, on at most {_MOST_FRAMES:,} frames; {p}.",
        headline=True,
        in_summary=f"dCor²(z1, z2), {scope_name}" if statistic == "dcor" else None,
        in_intervals=statistic == "dcor",
    )


ROWS = tuple(_row(statistic, scope) for statistic, scope in product(_NAMES, _SCOPES))


@computes(*ROWS)
def measure(data: ColumnData) -> Findings:
    """Both statistics in the column's scopes, with p; within person if people have at least 2
    frames.
    """
    codes, generator = data.test, data.generator()
    require_z2(codes)
    if len(codes) < FEWEST_FRAMES:
        raise NotMeasuredError(f"dependence needs at least {FEWEST_FRAMES} frames")
    rows = np.linspace(0, len(codes) - 1, min(len(codes), _MOST_FRAMES)).round().astype(np.int64)
    person, blocks = codes.person[rows], (codes.z1[rows], codes.z2[rows])
    people = len(codes.people)
    cells: dict[str, Estimate] = {}
    for name, matrix in _STATISTICS.items():
        a, b = (u_centred(matrix(z)) for z in blocks)
        statistic = dependence(a, b, person)
        p = chi_square_p_value(statistic(np.ones(people)), len(rows))
        cells[f"{name}_pooled"] = estimate(statistic, people, generator, p)
        if "within" in data.scopes and people < len(rows):
            a, b = (u_centred(matrix(within_person(z, person))) for z in blocks)
            p = shift_p_value(a, b, person, generator)
            statistic = dependence(a, b, person)
            cells[f"{name}_within"] = estimate(statistic, people, generator, p)
    return Findings(cells)
