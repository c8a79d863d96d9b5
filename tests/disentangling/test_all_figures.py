"""Whose codes a report shows as pictures, and what is known of factors."""

from dataclasses import replace

from audetnet.disentangling.all_figures import column_to_draw, knowledge
from audetnet.disentangling.columns import FLOOR, ColumnData, with_reference
from audetnet.disentangling.figures import Knowledge
from audetnet.disentangling.table import FactorEstimate, Table
from audetnet.evaluation.people import Estimate
from tests.disentangling.made_codes import made_data


def _named(name: str) -> ColumnData:
    subject = made_data("independent", people=2, frames=2)
    return replace(subject, column=replace(subject.column, name=name))


def test_those_with_each_persons_reference_are_shown_where_there_are_such() -> None:
    run, other = _named("run"), _named(with_reference("other"))
    assert column_to_draw([run, other]) is run
    of_run = _named(with_reference("run"))
    assert column_to_draw([run, other, of_run]) is of_run


def _known(factor: str, block: str, share: float | None) -> FactorEstimate:
    return FactorEstimate(
        factor=factor,
        group="AUs",
        block=block,
        measure="made",
        estimate=Estimate(value=0.5),
        share=share,
    )


def test_knowledge_is_of_the_best_probe_and_of_measures_that_have_a_share() -> None:
    of_run = (_known("AU1", "z1", 0.4), _known("AU1", "z1", 0.6), _known("AU1", "z2", 0.1))
    spread = (_known("AU2", "outputs", None),)
    known = {"run": of_run + spread, FLOOR: (_known("AU1", "z1", 0.3),)}
    table = Table(rows=(), columns=(), cells={}, factors=known, notes=())
    assert knowledge(table, "run") == (
        Knowledge(factor="AU1", group="AUs", z1=0.6, z2=0.1, floor=0.3),
    )
