"""Row 3: who is in the picture, in z1 and in z2."""

from audetnet.disentangling.block_metrics import balanced_accuracy, same_person_auc, standardised
from audetnet.disentangling.codes import TIME_BLOCKS
from audetnet.disentangling.measure import finds
from audetnet.disentangling.probes import identify
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import (
    EVERYTHING,
    Findings,
    Known,
    NotMeasuredError,
    Row,
    needs_people,
    needs_z2,
)
from audetnet.evaluation.people import Estimate, estimate
from audetnet.seeds import Purpose, numpy_generator


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
            "four fifths of each person's time and read out on the other; mean over people. AU "
            "rates differ by person: what true AU labels tell is the floor.",
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
            definition="does the cosine similarity of two frames (of different stretches of time, "
            "codes standardised) tell whether they show the same person; mean over people.",
            headline=True,
            in_intervals=block == "z2",
        ),
    )


ROWS = (*_rows("z1"), *_rows("z2"))


@finds(*ROWS, of=EVERYTHING)
def measure(subject: Subject) -> Findings:
    """Both rows of each block. Raises NotMeasuredError for fewer than 2 people."""
    codes = subject.test
    needs_people(codes, 2, "identity")
    if len(codes) < TIME_BLOCKS * len(codes.people):
        raise NotMeasuredError(
            f"identity needs at least {TIME_BLOCKS} frames of each person, one of each stretch of "
            "time"
        )
    people, blocks = len(codes.people), codes.time_blocks()
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found: dict[str, Estimate] = {}
    known = []
    for block in subject.blocks:
        z = codes.block(block)
        if not z.shape[1]:
            continue
        who = balanced_accuracy(identify(z, codes.person, blocks), codes.person)
        accuracy = estimate(who, people, generator)
        similar = same_person_auc(standardised(z), codes.person, blocks)
        found[f"identity_{block}"] = accuracy
        found[f"same_person_{block}"] = estimate(similar, people, generator)
        share = (accuracy.value - 1 / people) / (1 - 1 / people)
        known.append(
            Known(
                factor="person",
                group="person",
                block=block,
                measure="balanced accuracy",
                estimate=accuracy,
                share=share,
            )
        )
    if not found:
        needs_z2(codes)
    return Findings(found, tuple(known))
