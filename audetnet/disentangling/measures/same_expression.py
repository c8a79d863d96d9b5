"""Row 10: what the AU predictions say of the same expression on other people."""

from itertools import product

import numpy as np

from audetnet.disentangling.expressions import BY_LABELS, NONE, Spread
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.measure import finds
from audetnet.disentangling.spread_figure import Spreads, spread_by_au
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import (
    MODELS,
    Findings,
    Known,
    NotMeasuredError,
    Row,
    Table,
    needs_people,
)
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import estimates
from audetnet.seeds import Purpose, numpy_generator

_GROUP = "same expression"
_WHAT = (
    "predictions (probabilities, or intensities 0-5) of test frames that show the same expression "
    "on several people: those of a group in pairs.csv, else those whose labels agree in all AUs; "
    "several frames of a person with one expression count as their mean; over the AUs that occur"
)
_PAIRS = "the root of half the mean squared difference of two frames"


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
        "other expressions of the same person",
        "SD of predictions",
        "-",
        "high",
        f"{_PAIRS} of the same person with two expressions (the SD over expressions, root mean "
        "square over people), mean over AUs",
    ),
    _row(
        "ratio",
        "the first SD of predictions over the second",
        "ratio",
        "1",
        "0",
        "mean SD over people divided by the mean SD over expressions; 1 for noise, above 1 where "
        "predictions tell people better than expressions",
    ),
    _row(
        "icc",
        "agreement of people with the same expression",
        "ICC(2,1)",
        "0",
        "1",
        "intraclass correlation of expressions, people as random raters, absolute agreement, one "
        "rater (Shrout & Fleiss 1979): 1 - (half the mean squared difference of two people with "
        "the same expression) / (that of two people with two expressions), which is the estimate "
        "by analysis of variance where everyone shows every expression (Koch 1968 where not); "
        "mean over AUs",
    ),
)
_OVER_PEOPLE, _OVER_EXPRESSIONS, _AGREEMENT = "SD over people", "SD over expressions", "ICC(2,1)"


def _drawn(subject: Subject, table: Table) -> list[Illustration]:
    """Both spreads of each AU, of the run as it is and of the runs beside it."""
    runs = [column.name for column in table.columns if column.is_run]
    spreads = {name: _spreads(table.known[name]) for name in runs}
    return [spread_by_au(spreads, subject.expressions.source)] if any(spreads.values()) else []


def _spreads(known: tuple[Known, ...]) -> Spreads:
    found = {(k.measure, k.factor): k.estimate for k in known if k.group == _GROUP}
    aus = dict.fromkeys(au for _, au in found)
    return {au: (found[_OVER_PEOPLE, au], found[_OVER_EXPRESSIONS, au]) for au in aus}


@finds(*ROWS, of=(*MODELS, "median", "labels"), draw=_drawn)
def measure(subject: Subject) -> Findings:
    """All rows, and the spreads of each AU. Raises NotMeasuredError where no two people show the
    same expression.
    """
    codes, expressions = subject.test, subject.expressions
    if subject.predictions is None:
        return Findings({})
    needs_people(codes, 2, "the same expression on other people")
    if subject.column.kind == "labels" and expressions.source == BY_LABELS:
        return Findings({})  # they agree by definition
    shown = expressions.number != NONE
    if not shown.any():
        raise NotMeasuredError(
            "no two people of the test sample show the same expression: they share no group of "
            "pairs.csv (create_dataset.render --same-expression writes one), nor do labels agree "
            "in all AUs"
        )
    aus = [au for au, row in enumerate(codes.labels[shown].T) if {0, 1} <= set(row.tolist())]
    spread = Spread(subject.predictions[:, aus], expressions.number, codes.person)
    if not aus or np.isnan(spread.of(np.ones(len(codes.people)))).any():
        raise NotMeasuredError(
            "people of the test sample share too few expressions: there must be two that differ in "
            "an AU, and people who show both"
        )

    def numbers(weights: Array) -> Array:
        return _numbers(*spread.of(weights))

    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found = estimates(numbers, len(codes.people), generator)
    cells = dict(zip((row.key for row in ROWS), found, strict=False))
    of_aus = product((_OVER_PEOPLE, _OVER_EXPRESSIONS, _AGREEMENT), aus)
    known = [
        Known(
            factor=subject.au_names[au],
            group=_GROUP,
            block="outputs",
            measure=name,
            estimate=value,
        )
        for (name, au), value in zip(of_aus, found[len(ROWS) :], strict=True)
        if not np.isnan(value.value)
    ]
    return Findings(cells, tuple(known))


def _numbers(same: Array, own: Array, others: Array) -> Array:
    """The four rows, then spread over people, over expressions, and agreement of each AU."""
    agreement = 1 - _ratio(same, others)
    over_people, over_expressions = np.sqrt(same), np.sqrt(own)
    means = np.array([over_people.mean(), over_expressions.mean()])
    known = agreement[~np.isnan(agreement)]
    rows = [*means, _ratio(means[:1], means[1:])[0], known.mean() if len(known) else np.nan]
    return np.concatenate([rows, over_people, over_expressions, agreement])


def _ratio(numerator: Array, denominator: Array) -> Array:
    """NaN where the denominator is 0 or unknown."""
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), np.nan)
