"""The measures are found by themselves, and each finds its rows of its columns."""

from dataclasses import replace

import numpy as np
import pytest

from audetnet.disentangling.analysis import analyse
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import MEASURES, Measure, all_measures
from audetnet.disentangling.table import Column, Findings, Kind, NotMeasuredError, Row, Table
from audetnet.evaluation.people import Estimate
from tests.disentangling.made_codes import made_data

KINDS: dict[Kind, set[int]] = {
    "run": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
    "compared": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
    "untrained": {1, 2, 3, 4, 5, 6, 7, 9, 10},
    "permuted": {1, 2, 3, 4, 5, 6, 7},
    "median": {1, 2, 3, 4, 5, 6, 7, 10},
    "erased": {1, 2, 3, 4, 5, 6, 7},
    "outputs": {1, 2, 3, 4},
    "labels": {3, 4, 10},
}


def _row(key: str, number: int) -> Row:
    return Row(
        key=key, number=number, title="title", unit="share", chance="0", ideal="1", definition="how"
    )


ROWS = (_row("late", 12), _row("early", 10))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No measures but those of the test."""
    all_measures()
    for name in list(MEASURES):
        monkeypatch.delitem(MEASURES, name)


def _subjects(without_z2: bool = False) -> list[ColumnData]:
    """A column of each kind."""
    made = made_data("independent", people=3, frames=20)
    test = replace(made.test, z2=made.test.z2[:, :0]) if without_z2 else made.test
    return [replace(made, test=test, column=Column(f"a {k}", "made", k)) for k in KINDS]


def _table(monkeypatch: pytest.MonkeyPatch, measure: Measure, without_z2: bool = False) -> Table:
    monkeypatch.setitem(MEASURES, "made up", measure)
    return analyse(_subjects(without_z2), ("beware",))


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_has_the_rows_of_its_kind(kind: Kind) -> None:
    of_kind = [measure for measure in all_measures() if kind in measure.of]
    assert {row.number for measure in of_kind for row in measure.rows} == KINDS[kind]


def test_measures_stand_in_the_order_of_their_rows() -> None:
    numbers = [row.number for measure in all_measures() for row in measure.rows]
    assert numbers == sorted(numbers)
    assert all(row.key and row.definition.endswith(".") for m in all_measures() for row in m.rows)


@pytest.mark.usefixtures("alone")
def test_a_measure_sees_its_subject_and_its_cells_are_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find(subject: ColumnData) -> Findings:
        return Findings({"early": Estimate(value=float(np.mean(subject.test.person)))})

    table = _table(monkeypatch, Measure(rows=ROWS, of=("run", "labels"), compute=find))
    assert [row.key for row in table.rows] == ["early", "late"]
    assert [column.name for column in table.columns] == [f"a {kind}" for kind in KINDS]
    assert {name: set(cells) for name, cells in table.cells.items() if cells} == {
        "a run": {"early"},
        "a labels": {"early"},
    }
    assert table.cells["a run"]["early"] == Estimate(value=1.0)
    assert table.notes == ("beware",)


@pytest.mark.usefixtures("alone")
def test_what_is_not_measured_says_why_in_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(subject: ColumnData) -> Findings:
        raise NotMeasuredError("too dark")

    cells = _table(monkeypatch, Measure(rows=ROWS, compute=find)).cells["a permuted"]
    assert {key: str(cell) for key, cell in cells.items()} == {
        "early": "too dark",
        "late": "too dark",
    }


@pytest.mark.usefixtures("alone")
def test_rows_that_a_run_without_z2_cannot_have_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(subject: ColumnData) -> Findings:
        return Findings({"early": Estimate(value=0.5)})

    table = _table(monkeypatch, Measure(rows=ROWS, compute=find), without_z2=True)
    assert table.cells["a run"]["early"] == Estimate(value=0.5)
    assert "no z2" in str(table.cells["a run"]["late"])
    assert table.cells["a permuted"].keys() == {"early"}


@pytest.mark.usefixtures("alone")
def test_two_rows_of_one_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="the same key"):
        twice = Measure(rows=(*ROWS, *ROWS), compute=lambda _: Findings({}))
        _table(monkeypatch, twice)
