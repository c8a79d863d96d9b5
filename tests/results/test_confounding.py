"""Gaps between a training's tie and the opposite one, over people and paired."""

import numpy as np
import pytest

from audetnet.data.ties import tied_frames
from audetnet.evaluation.metrics import two_afc
from audetnet.results.confounding import lines, sheet, table
from audetnet.results.tied_sets import TESTS, Tie

PEOPLE, FRAMES = 30, 20
PERSON = np.repeat(np.arange(PEOPLE), FRAMES)
DRAWS = np.random.default_rng(0)
LABELS = (DRAWS.random(len(PERSON)) < 0.3).astype(np.float64)
LIGHT = DRAWS.normal(size=len(PERSON))
STRENGTH = 0.9
ROWS = {
    name: tied_frames(
        LABELS.astype(np.float32), LIGHT, STRENGTH * sign, np.random.default_rng(0)
    ).rows
    for name, sign in TESTS.items()
}
HONEST = LABELS + DRAWS.normal(0, 0.5, (2, len(PERSON)))
LIT = HONEST + 0.7 * LIGHT
"""Led astray by the light."""


def test_the_gap_is_of_the_tie_and_its_closing_is_seen() -> None:
    scores = {"lit": LIT, "honest": HONEST, "lit again": LIT}
    lit, honest, again = lines(STRENGTH, scores, LABELS, PERSON, ROWS)
    expected = np.mean([two_afc(each[ROWS["same"]], LABELS[ROWS["same"]]) for each in LIT])
    assert lit.same.value == pytest.approx(expected) and lit.seeds == 2
    assert lit.gap.value == pytest.approx(lit.same.value - lit.opposite.value)
    assert lit.gap.low < lit.gap.value < lit.gap.high and lit.gap.low > 0.1
    assert abs(honest.gap.value) < 0.1 < lit.same.value - lit.none.value
    assert (lit.gap_change, lit.verdict, honest.verdict) == (None, "-", "better")
    assert honest.gap_change is not None and honest.gap_change.high < 0
    assert again.gap_change is not None and again.verdict == "no"
    assert (again.gap_change.value, again.gap_change.low, again.gap_change.high) == (0, 0, 0)


def test_a_gap_that_closes_because_nothing_is_known_is_no_gain() -> None:
    blind = DRAWS.normal(size=(1, len(PERSON)))
    _, line = lines(STRENGTH, {"lit": LIT, "blind": blind}, LABELS, PERSON, ROWS)
    assert line.verdict == "gap only"


def test_people_of_whom_a_test_has_no_frames_do_not_matter() -> None:
    first = {name: rows[PERSON[rows] < PEOPLE - 3] for name, rows in ROWS.items()}
    line, *_ = lines(STRENGTH, {"lit": LIT}, LABELS, PERSON, first)
    assert not np.isnan([line.gap.value, line.gap.low, line.gap.high]).any()


def test_tables_hold_every_number() -> None:
    found = lines(STRENGTH, {"lit": LIT, "honest": HONEST}, LABELS, PERSON, ROWS)
    found += lines(0, {"lit": LIT, "honest": HONEST}, LABELS, PERSON, ROWS)
    shown = sheet(Tie("AU4", "light_x"), found)
    assert [row[0] for row in shown.rows] == ["lit", "honest"] * 2
    assert [row[-1] for row in shown.rows] == ["-", "better", "-", "-"]
    header, *rows = table(Tie("AU4", "light_x"), found)
    assert len(rows) == 2 * (4 + 6) and {len(row) for row in rows} == {len(header)}
    assert rows[3][5:8] == ["gap", found[0].gap.value, found[0].gap.low]
