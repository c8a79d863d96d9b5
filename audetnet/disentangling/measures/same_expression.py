"""Row 10: AU predictions for the same expression on other people."""

from itertools import product

import numpy as np

from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.expressions import BY_LABELS, NONE, Spread
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.measure import computes
from audetnet.disentangling.spread_figure import Spreads, spread_by_au
from audetnet.disentangling.table import (
    MODELS,
    FactorEstimate,
    Findings,
    NotMeasuredError,
    Row,
    Table,
    require_people,
)
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import estimates

_GROUP = "same expression"
_WHAT = (
    "predictions (probabilities, or intensities 0-5) for test frames of several people with the "
    "same expression: frames of a group in pairs.csv, or else frames whose labels agree in all "
    "AUs; several frames of a person with one expression count as their mean; over the AUs that "
    "occur"
)
_PAIRS = "the root of half the mean squared difference between two frames"


def _row(part: str, title: str, unit: str, chance: str, ideal: str, how: str) -> Row:
    return Row(
        key=f"same_expression_{part}",
        number=10,
        title=title,
        unit=unit,
        chance=chance,
        ideal=ideal,
        definition=f"{_WHAT}; {how}.",
        headline=True,
        in_intervals=part in ("ratio", "icc"),
    )


ROWS = (
    _row(
        "people",
        "the same expression on other people",
        "SD of predictions",
        "-",
        "0",
        f"{_PAIRS} of two people with the same expression (the SD over people, root mean square "
        "over expressions), mean over AUs",
    ),
    _row(
        "expressions",
        "other expressions on the same person",
        "SD of predictions",
        "-",
        "high",
        f"{_PAIRS} of the same person with two expressions (the SD over expressions, root mean "
        "square over people), mean over AUs",
    ),
    _row(
        "ratio",
        "ratio of the first SD of predictions to the second",
        "ratio",
        "1",
        "0",
        "mean SD over people divided by the mean SD over expressions; 1 for noise, above 1 if "
        "predictions distinguish people better than expressions",
    ),
    _row(
        "icc",
        "agreement over people with the same expression",
        "ICC(2,1)",
        "0",
        "1",
        "intraclass correlation of expressions, people as random raters, absolute agreement, one "
        "rater (Shrout & Fleiss 1979): 1 - (half the mean squared difference of two people with "
        "the same expression) / (that of two people with two expressions), which is the estimate "
        "by analysis of variance if everyone shows every expression (Koch 1968 if not); "
        "mean over AUs",
    ),
)
_OVER_PEOPLE, _OVER_EXPRESSIONS, _AGREEMENT = "SD over people", "SD over expressions", "ICC(2,1)"


def _draw(data: ColumnData, table: Table) -> list[Illustration]:
    """Both spreads of each AU, for all runs."""
    runs = [column.name for column in table.columns if column.is_run]
    spreads = {name: _spreads(table.factors[name]) for name in runs}
    return [spread_by_au(spreads, data.expressions.source)] if any(spreads.values()) else []


def _spreads(factors: tuple[FactorEstimate, ...]) -> Spreads:
    found = {(f.measure, f.factor): f.estimate for f in factors if f.group == _GROUP}
    aus = dict.fromkeys(au for _, au in found)
    return {au: (found[_OVER_PEOPLE, au], found[_OVER_EXPRESSIONS, au]) for au in aus}


@computes(*ROWS, of=(*MODELS, "median", "labels"), draw=_draw)
def measure(data: ColumnData) -> Findings:
    """All rows, and the spreads of each AU. Raises NotMeasuredError if no two people show the same
    expression.
    """
    codes, expressions = data.test, data.expressions
    if data.predictions is None:
        return Findings({})
    require_people(codes, 2, "the same expression on other people")
    if data.column.kind == "labels" and expressions.source == BY_LABELS:
        return Findings({})  # labels agree by definition
    shown = expressions.number != NONE
    if not shown.any():
        raise NotMeasuredError(
            "no two people of the test sample show the same expression: they share no group in "
            "pairs.csv (create_dataset.render --same-expression writes one), and no labels that "
            "agree in all AUs"
        )
    aus = [au for au, row in enumerate(codes.labels[shown].T) if {0, 1} <= set(row.tolist())]
    spread = Spread(data.predictions[:, aus], expressions.number, codes.person)
    if not aus or np.isnan(spread.of(np.ones(len(codes.people)))).any():
        raise NotMeasuredError(
            "people of the test sample share too few expressions: there must be two that differ in "
            "an AU, and people who show both"
        )
    found = estimates(
        lambda weights: _numbers(*spread.of(weights)), len(codes.people), data.generator()
    )
    cells = dict(zip((row.key for row in ROWS), found, strict=False))
    of_aus = product((_OVER_PEOPLE, _OVER_EXPRESSIONS, _AGREEMENT), aus)
    factors = [
        FactorEstimate(
            factor=data.au_names[au],
            group=_GROUP,
            block="outputs",
            measure=name,
            estimate=value,
        )
        for (name, au), value in zip(of_aus, found[len(ROWS) :], strict=True)
        if not np.isnan(value.value)
    ]
    return Findings(cells, tuple(factors))


def _numbers(same: Array, own: Array, others: Array) -> Array:
    """The four rows, then the SD over people, the SD over expressions and the ICC of each AU."""
    agreement = 1 - _ratio(same, others)
    over_people, over_expressions = np.sqrt(same), np.sqrt(own)
    means = np.array([over_people.mean(), over_expressions.mean()])
    known = agreement[~np.isnan(agreement)]
    rows = [*means, _ratio(means[:1], means[1:])[0], known.mean() if len(known) else np.nan]
    return np.concatenate([rows, over_people, over_expressions, agreement])


def _ratio(numerator: Array, denominator: Array) -> Array:
    """NaN if the denominator is 0 or unknown."""
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), np.nan)
