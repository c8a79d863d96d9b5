"""Row 6: how much of one block the other predicts linearly."""

from itertools import product

from audetnet.disentangling.block_metrics import held_out_r2
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.matrix_correlation import within_person
from audetnet.disentangling.measure import computes
from audetnet.disentangling.probes import FEWEST_PEOPLE, regression
from audetnet.disentangling.table import Findings, Row, require_people, require_z2
from audetnet.evaluation.people import Estimate

_DIRECTIONS = (("z2", "z1"), ("z1", "z2"))
_SCOPES = {
    "pooled": "codes as they are",
    "within": "codes minus their person's mean",
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
        "penalty chosen on held-out people of each training fold; R^2 over held-out frames and all "
        "dimensions. Sees linear redundancy only.",
        headline=scope == "within",
        in_intervals=(source, scope) == ("z2", "within"),
    )


ROWS = tuple(_row(*direction, scope) for direction, scope in product(_DIRECTIONS, _SCOPES))


@computes(*ROWS)
def measure(data: ColumnData) -> Findings:
    """Both directions in the column's scopes. Raises NotMeasuredError for fewer than 3 people."""
    codes, estimate = data.test, data.estimator()
    require_z2(codes)
    require_people(codes, FEWEST_PEOPLE, "redundancy with folds by person")
    cells: dict[str, Estimate] = {}
    for direction, scope in product(_DIRECTIONS, data.scopes):
        z, targets = (codes.block(block) for block in direction)
        if scope == "within":
            z, targets = (within_person(block, codes.person) for block in (z, targets))
        predicted, means = regression(z, targets, codes.person, kernel=False, shared_penalty=True)
        statistic = held_out_r2(predicted, targets, means, codes.person)
        cells["_".join(["redundancy", *direction, scope])] = estimate(statistic)
    return Findings(cells)
