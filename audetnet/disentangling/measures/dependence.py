"""Row 5: do z1 and z2 depend on each other, over all frames and within each person."""

from itertools import product

import numpy as np

from audetnet.disentangling.matrix_correlation import (
    PERMUTATIONS,
    centred,
    chi_square_p,
    dependence,
    distances,
    kernel_distances,
    shift_p,
    within_person,
)
from audetnet.disentangling.measure import finds
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import Findings, NotMeasuredError, Row, needs_z2
from audetnet.evaluation.people import Estimate, estimate
from audetnet.seeds import Purpose, numpy_generator

FEWEST_FRAMES = 20
_MOST_FRAMES = 2000
_STATISTICS = {"dcor": distances, "hsic": kernel_distances}
_NAMES = {
    "dcor": ("bias-corrected dCor^2", "Szekely & Rizzo 2014"),
    "hsic": ("unbiased HSIC", "RBF kernel, median distance; normalised; Song et al. 2012"),
}


def _row(statistic: str, scope: str) -> Row:
    name, source = _NAMES[statistic]
    where, p = {
        "pooled": (
            "over all frames",
            "p: chi-square (Shen et al. 2022), as if frames were independent",
        ),
        "within": (
            "codes less their person's mean",
            f"p: z2 shifted in time against z1 person by person, {PERMUTATIONS} times",
        ),
    }[scope]
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


ROWS = tuple(_row(statistic, scope) for statistic, scope in product(_NAMES, ("pooled", "within")))


@finds(*ROWS)
def measure(subject: Subject) -> Findings:
    """Both statistics in the subject's scopes, within person of at least 2 frames each, with p."""
    codes = subject.test
    needs_z2(codes)
    if len(codes) < FEWEST_FRAMES:
        raise NotMeasuredError(f"dependence needs at least {FEWEST_FRAMES} frames")
    rows = np.linspace(0, len(codes) - 1, min(len(codes), _MOST_FRAMES)).round().astype(np.int64)
    person, z1, z2 = codes.person[rows], codes.z1[rows], codes.z2[rows]
    people = len(codes.people)
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found: dict[str, Estimate] = {}
    for name, matrix in _STATISTICS.items():
        a, b = centred(matrix(z1)), centred(matrix(z2))
        statistic = dependence(a, b, person)
        p = chi_square_p(statistic(np.ones(people)), len(rows))
        found[f"{name}_pooled"] = estimate(statistic, people, generator, p)
        if "within" in subject.scopes and people < len(rows):
            a = centred(matrix(within_person(z1, person)))
            b = centred(matrix(within_person(z2, person)))
            p = shift_p(a, b, person, generator)
            statistic = dependence(a, b, person)
            found[f"{name}_within"] = estimate(statistic, people, generator, p)
    return Findings(found)
