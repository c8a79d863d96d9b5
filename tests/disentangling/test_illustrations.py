"""Whose codes a report shows as pictures, and what is known of factors."""

from dataclasses import replace

from audetnet.disentangling.figures import Knowledge
from audetnet.disentangling.illustrations import drawn, knowledge
from audetnet.disentangling.subject import FLOOR, Subject, with_reference
from audetnet.disentangling.table import Known, Table
from audetnet.evaluation.people import Estimate
from tests.disentangling.made_codes import made_subject


def _named(name: str) -> Subject:
    subject = made_subject("independent", people=2, frames=2)
    return replace(subject, column=replace(subject.column, name=name))


def test_those_with_each_persons_reference_are_shown_where_there_are_such() -> None:
    run, other = _named("run"), _named(with_reference("other"))
    assert drawn([run, other]) is run
    of_run = _named(with_reference("run"))
    assert drawn([run, other, of_run]) is of_run


def _known(factor: str, block: str, share: float | None) -> Known:
    return Known(
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
    table = Table(rows=(), columns=(), cells={}, known=known, notes=())
    assert knowledge(table, "run") == (
        Knowledge(factor="AU1", group="AUs", z1=0.6, z2=0.1, floor=0.3),
    )
