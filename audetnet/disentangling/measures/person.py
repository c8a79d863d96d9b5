"""Row 3: the person's identity in z1 and in z2."""

from audetnet.disentangling.block_metrics import balanced_accuracy, same_person_auc, standardised
from audetnet.disentangling.codes import TIME_BLOCKS
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import computes
from audetnet.disentangling.probes import predict_person
from audetnet.disentangling.table import (
    ALL_KINDS,
    FactorEstimate,
    Findings,
    NotMeasuredError,
    Row,
    require_people,
    require_z2,
)
from audetnet.evaluation.people import Estimate


def _rows(block: str) -> tuple[Row, Row]:
    ideal = "the floor: true AU labels" if block == "z1" else "1"
    return (
        Row(
            key=f"identity_{block}",
            number=3,
            title=f"identity in {block}",
            unit="balanced accuracy",
            chance="1 / people",
            ideal=ideal,
            definition="multinomial logistic regression (C = 1) on standardised codes, fitted on "
            "four fifths of each person's time and tested on the rest; mean over people. AU rates "
            "differ by person: what true AU labels reveal is the floor.",
            headline=True,
            in_summary=f"person from {block} (accuracy)",
            in_intervals=True,
        ),
        Row(
            key=f"same_person_{block}",
            number=3,
            title=f"same person by {block}",
            unit="ROC-AUC",
            chance="0.5",
            ideal=ideal,
            definition="whether the cosine similarity of two frames (from different stretches of "
            "time, codes standardised) predicts that they show the same person; mean over people.",
            headline=True,
            in_intervals=block == "z2",
        ),
    )


ROWS = (*_rows("z1"), *_rows("z2"))


@computes(*ROWS, of=ALL_KINDS)
def measure(data: ColumnData) -> Findings:
    """Both rows of each block. Raises NotMeasuredError for fewer than 2 people."""
    codes, estimate = data.test, data.estimator()
    require_people(codes, 2, "identity")
    people, time_blocks = len(codes.people), codes.time_blocks()
    if len(codes) < TIME_BLOCKS * people:
        raise NotMeasuredError(
            f"identity needs at least {TIME_BLOCKS} frames of each person, one from each stretch "
            "of time"
        )
    cells: dict[str, Estimate] = {}
    factors = []
    for block in data.blocks:
        z = codes.block(block)
        if not z.shape[1]:
            continue
        predicted = predict_person(z, codes.person, time_blocks)
        accuracy = estimate(balanced_accuracy(predicted, codes.person))
        cells[f"identity_{block}"] = accuracy
        cells[f"same_person_{block}"] = estimate(
            same_person_auc(standardised(z), codes.person, time_blocks)
        )
        factors.append(
            FactorEstimate(
                factor="person",
                group="person",
                block=block,
                measure="balanced accuracy",
                estimate=accuracy,
                share=(accuracy.value - 1 / people) / (1 - 1 / people),
            )
        )
    if not cells:
        require_z2(codes)
    return Findings(cells, tuple(factors))
