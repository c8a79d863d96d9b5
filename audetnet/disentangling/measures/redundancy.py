"""Row 6: how much of one block the other predicts linearly."""

from itertools import product

from audetnet.disentangling.block_metrics import held_out_r2
from audetnet.disentangling.matrix_correlation import within_person
from audetnet.disentangling.measure import finds
from audetnet.disentangling.probes import FEWEST_PEOPLE, regression
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import Findings, Row, needs_people, needs_z2
from audetnet.evaluation.people import Estimate, estimate
from audetnet.seeds import Purpose, numpy_generator

_DIRECTIONS = (("z2", "z1"), ("z1", "z2"))
_SCOPES = {
    "pooled": "codes as they are",
    "within": "codes less their person's mean",
}


def _row(source: str, target: str, scope: str) -> Row:
    return Row(
        key=f"redundancy_{source}_{target}_{scope}",
        number=6,
        title=f"{target} predicted from {source}, "
        f"{'within person' if scope == 'within' else 'pooled'}",
        unit="R^2",
        chance="<= 0",
        ideal="<= 0",
        definition=f"ridge regression, {_SCOPES[scope]}, standardised; five folds by person, "
        "penalty chosen on other people within the fitted ones; R^2 over held-out frames and all "
        "dimensions. Sees linear redundancy only.",
        headline=scope == "within",
        in_intervals=(source, scope) == ("z2", "within"),
    )


ROWS = tuple(_row(*direction, scope) for direction, scope in product(_DIRECTIONS, _SCOPES))


@finds(*ROWS)
def measure(subject: Subject) -> Findings:
    """Both directions in the subject's scopes. Raises NotMeasuredError for fewer than 3 people."""
    codes = subject.test
    needs_z2(codes)
    needs_people(codes, FEWEST_PEOPLE, "redundancy with folds by person")
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found: dict[str, Estimate] = {}
    for (source, target), scope in product(_DIRECTIONS, subject.scopes):
        known, wanted = codes.block(source), codes.block(target)
        if scope == "within":
            known, wanted = (within_person(z, codes.person) for z in (known, wanted))
        predicted, means = regression(known, wanted, codes.person, kernel=False, one_penalty=True)
        statistic = held_out_r2(predicted, wanted, means, codes.person)
        key = f"redundancy_{source}_{target}_{scope}"
        found[key] = estimate(statistic, len(codes.people), generator)
    return Findings(found)
