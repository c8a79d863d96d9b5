"""Whose codes a report shows as pictures."""

from dataclasses import replace

from audetnet.disentangling.illustrations import drawn
from audetnet.disentangling.subject import Subject, with_reference
from tests.disentangling.made_codes import made_subject


def _named(name: str) -> Subject:
    subject = made_subject("independent", people=2, frames=2)
    return replace(subject, column=replace(subject.column, name=name))


def test_those_with_each_persons_reference_are_shown_where_there_are_such() -> None:
    run, other = _named("run"), _named(with_reference("other"))
    assert drawn([run, other]) is run
    of_run = _named(with_reference("run"))
    assert drawn([run, other, of_run]) is of_run
