"""Row 10: predictions for the same expression on other people, on ones whose spread is known."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from audetnet.data.frames import FrameSet
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.expressions import (
    BY_LABELS,
    BY_PAIRS,
    NONE,
    Expressions,
    Spread,
    find_expressions,
)
from audetnet.disentangling.measures.same_expression import ROWS, measure
from audetnet.disentangling.spread_figure import spread_by_au
from audetnet.disentangling.table import Column, Kind, NotMeasuredError
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate
from tests.disentangling.made_codes import AU_NAMES, AUS, made_data
from tests.disentangling.test_figures import check

PEOPLE, EXPRESSIONS = 5, 8
PERSON = np.repeat(np.arange(PEOPLE), EXPRESSIONS)
EXPRESSION = np.tile(np.arange(EXPRESSIONS), PEOPLE)
ONCE = np.ones(PEOPLE)


def _subject(predictions: Array | None, kind: Kind = "run", source: str = BY_PAIRS) -> ColumnData:
    """PEOPLE who show the same EXPRESSIONS, each AU in some of them."""
    subject = made_data("independent", people=PEOPLE, frames=EXPRESSIONS)
    labels = (EXPRESSION[:, None] + np.arange(AUS)) % 3 == 0
    return replace(
        subject,
        column=Column("made", "made", kind),
        test=replace(subject.test, labels=labels.astype(np.float64)),
        predictions=predictions,
        expressions=Expressions(EXPRESSION, source),
    )


def _values(subject: ColumnData) -> dict[str, Estimate]:
    cells = measure(subject).cells
    found = {key: cell for key, cell in cells.items() if isinstance(cell, Estimate)}
    assert list(found) == [row.key for row in ROWS]
    return {key.removeprefix("same_expression_"): cell for key, cell in found.items()}


def _normal(count: int) -> Array:
    return np.random.default_rng(0).normal(size=(count, AUS))


def test_predictions_that_ignore_who_it_is() -> None:
    """Nothing varies over people; over expressions the spread is the textbook's."""
    by_expression = _normal(EXPRESSIONS)
    found = _values(_subject(by_expression[EXPRESSION]))
    assert found["people"].value == pytest.approx(0, abs=1e-7)
    expected = by_expression.std(axis=0, ddof=1).mean()
    assert found["expressions"].value == pytest.approx(expected)
    assert found["ratio"].value == pytest.approx(0, abs=1e-7)
    assert found["icc"].value == pytest.approx(1)
    assert found["icc"].low == pytest.approx(1)


def test_predictions_that_tell_people_only() -> None:
    """A ratio as large as the expressions' share is small; without any it is not defined."""
    by_person, trace = 2 * _normal(PEOPLE), 0.01 * np.repeat(_normal(EXPRESSIONS)[:, :1], AUS, 1)
    found = _values(_subject(by_person[PERSON] + trace[EXPRESSION]))
    over_people = by_person.std(axis=0, ddof=1).mean()
    assert found["people"].value == pytest.approx(over_people)
    expected = over_people / trace[:, 0].std(ddof=1)
    assert found["ratio"].value == pytest.approx(expected) and expected > 100
    assert found["icc"].value == pytest.approx(0, abs=1e-3)
    alone = _values(_subject(by_person[PERSON]))
    assert alone["people"].value == pytest.approx(over_people)
    assert np.isnan(alone["ratio"].value)
    assert alone["icc"].value == pytest.approx(0, abs=1e-9)


def test_noise_is_at_chance() -> None:
    """A ratio of 1 and no agreement, on average over 400 draws."""
    draws = np.random.default_rng(1).normal(size=(len(PERSON), 400))
    same, own, others = Spread(draws, EXPRESSION, PERSON).of(ONCE)
    assert np.sqrt(same.mean() / own.mean()) == pytest.approx(1, abs=0.03)
    assert 1 - same.mean() / others.mean() == pytest.approx(0, abs=0.02)


def _mixed() -> Array:
    numbers = np.random.default_rng(2)
    noise = numbers.normal(size=(len(PERSON), AUS))
    return _normal(EXPRESSIONS)[EXPRESSION] + 0.5 * _normal(PEOPLE)[PERSON] + 0.3 * noise + 7


def test_where_everyone_shows_everything_it_is_the_analysis_of_variance() -> None:
    """Shrout & Fleiss 1979: ICC(2,1) = (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n)."""
    predictions = _mixed()
    table = predictions.reshape(PEOPLE, EXPRESSIONS, AUS)
    over_people, over_expressions = table.var(axis=0, ddof=1), table.var(axis=1, ddof=1)
    by_expression, by_person = table.mean(axis=0), table.mean(axis=1)
    bms = PEOPLE * by_expression.var(axis=0, ddof=1)
    jms = EXPRESSIONS * by_person.var(axis=0, ddof=1)
    rest = table - by_expression - by_person[:, None] + table.mean(axis=(0, 1))
    ems = (rest**2).sum(axis=(0, 1)) / ((PEOPLE - 1) * (EXPRESSIONS - 1))
    icc = (bms - ems) / (bms + (PEOPLE - 1) * ems + PEOPLE * (jms - ems) / EXPRESSIONS)
    found = _values(_subject(predictions))
    assert found["people"].value == pytest.approx(np.sqrt(over_people.mean(axis=0)).mean())
    assert found["expressions"].value == pytest.approx(
        np.sqrt(over_expressions.mean(axis=0)).mean()
    )
    assert found["icc"].value == pytest.approx(icc.mean())
    for cell in found.values():
        assert cell.low < cell.value < cell.high


def test_missing_frames_and_people_who_count_twice() -> None:
    """As if all pairs of frames were listed, a copy of a person making none with the other."""
    numbers = np.random.default_rng(3)
    kept = numbers.permutation(len(PERSON))[:25]
    values, expression, person = _mixed()[kept], EXPRESSION[kept], PERSON[kept]
    drawn = (0, 0, 1, 3, 3, 3)
    weights = np.bincount(drawn, minlength=PEOPLE).astype(np.float64)
    frames = [
        (copy, row) for copy, who in enumerate(drawn) for row in np.flatnonzero(person == who)
    ]
    pairs: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for (one, i), (other, j) in combinations(frames, 2):
        if one != other and drawn[one] == drawn[other]:
            continue
        is_same = expression[i] == expression[j]
        kind = 1 if one == other else 0 if is_same else 2
        pairs[kind].append((values[i] - values[j]) ** 2 / 2)
    expected = [np.mean(kind, axis=0) for kind in pairs]
    np.testing.assert_allclose(Spread(values, expression, person).of(weights), expected)


def test_several_frames_of_a_person_count_as_their_mean() -> None:
    predictions, apart = _mixed(), np.random.default_rng(4).normal(size=(len(PERSON), AUS))
    once = Spread(predictions, EXPRESSION, PERSON).of(ONCE)
    twice = Spread(
        np.concatenate([predictions + apart, predictions - apart, 99 * apart]),
        np.concatenate([EXPRESSION, EXPRESSION, np.full(len(PERSON), NONE)]),
        np.tile(PERSON, 3),
    ).of(ONCE)
    np.testing.assert_allclose(once, twice)


def test_unknown_predictions_take_no_part() -> None:
    predictions = _mixed()
    holes = predictions.copy()
    holes[3, 1] = np.nan
    full, found = (Spread(each, EXPRESSION, PERSON).of(ONCE) for each in (predictions, holes))
    without = np.delete(np.arange(len(PERSON)), 3)
    less = Spread(predictions[without], EXPRESSION[without], PERSON[without]).of(ONCE)
    for one, other, fewer in zip(full, found, less, strict=True):
        np.testing.assert_allclose(other[[0, 2, 3]], one[[0, 2, 3]])
        assert other[1] == pytest.approx(fewer[1]) and other[1] != pytest.approx(one[1])


def test_each_au_has_its_numbers_and_only_those_that_occur() -> None:
    subject = _subject(_mixed())
    labels = subject.test.labels.copy()
    labels[:, 2] = 0
    found = measure(replace(subject, test=replace(subject.test, labels=labels)))
    by_au = {(known.measure, known.factor): known for known in found.factors}
    assert {au for _, au in by_au} == {AU_NAMES[0], AU_NAMES[1], AU_NAMES[3]}
    assert len(by_au) == 9 and all(known.share is None for known in found.factors)
    same, own, others = Spread(_mixed(), EXPRESSION, PERSON).of(ONCE)
    for name, values in (
        ("SD over people", np.sqrt(same)),
        ("SD over expressions", np.sqrt(own)),
        ("ICC(2,1)", 1 - same / others),
    ):
        assert by_au[name, AU_NAMES[3]].estimate.value == pytest.approx(values[3])


def _frames(labels: list[list[float]], subjects: str) -> FrameSet:
    ids = tuple(f"{who}_{row}" for row, who in enumerate(subjects))
    return FrameSet(
        name="test",
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=tuple(subjects),
        labels=np.array(labels, np.float32),
    )


NAN = float("nan")


def test_expressions_are_the_groups_of_pairs_that_two_people_share() -> None:
    frames = _frames([[0, 1]] * 5, "AABBC")
    pairs = {"A_0": "x", "A_1": "y", "B_2": "y", "B_3": "z", "C_4": "z", "D_9": "x"}
    found = find_expressions(frames, pairs)
    assert found.number.tolist() == [NONE, 0, 0, 1, 1]
    assert str(found) == "2 expressions on several people, by pairs.csv"


@pytest.mark.parametrize("pairs", [{}, {"A_0": "x", "A_1": "x"}, {"D_0": "x", "E_0": "x"}])
def test_else_they_are_frames_of_equal_labels(pairs: dict[str, str]) -> None:
    """Pairs of one person (--same-person) are none. An AU that nobody knows does not count."""
    rows = [[0, 2, NAN], [5, 2, NAN], [0, 2, NAN], [0, 2, NAN], [5, NAN, NAN], [4, 2, NAN]]
    found = find_expressions(_frames(rows, "AABBCC"), pairs)
    assert found.number.tolist() == [0, NONE, 0, 0, NONE, NONE]
    assert found.source == BY_LABELS and found.count == 1


def test_true_labels_are_the_floor_of_paired_frames_only() -> None:
    """Those of a dataset's own pairs may differ; equal labels are equal."""
    labels = np.repeat(3.0 * (EXPRESSION % 2 == 0)[:, None], AUS, axis=1)
    floor = _values(_subject(labels, kind="labels"))
    assert floor["people"].value == 0 and floor["icc"].value == 1
    assert measure(_subject(labels, kind="labels", source=BY_LABELS)).cells == {}


def test_why_there_is_no_number() -> None:
    subject = _subject(_mixed())
    assert measure(replace(subject, predictions=None)).cells == {}
    alone = Expressions(np.full(len(PERSON), NONE), BY_LABELS)
    with pytest.raises(NotMeasuredError, match="no two people of the test sample show the same"):
        measure(replace(subject, expressions=alone))
    one = Expressions(np.where(EXPRESSION == 0, 0, NONE), BY_LABELS)
    with pytest.raises(NotMeasuredError, match="too few expressions"):
        measure(replace(subject, expressions=one))
    first = replace(subject.test, people=("A",), person=np.zeros(len(PERSON), np.int64))
    with pytest.raises(NotMeasuredError, match="at least 2 people, these are of 1"):
        measure(replace(subject, test=first))


def test_the_figure_explains_itself() -> None:
    known = {
        name: (Estimate(value=0.1, low=0.05, high=0.2), Estimate(value=0.7)) for name in AU_NAMES
    }
    for runs in (["run"], ["run", "run, with reference", "another", "one more"]):
        made = spread_by_au(dict.fromkeys(runs, known), BY_PAIRS)
        check(made)
        assert "pairs.csv" in made.caption
        titles = [axes.get_title() for axes in made.figure.axes if axes.get_title()]
        assert titles == runs
