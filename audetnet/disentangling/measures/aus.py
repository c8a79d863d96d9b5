"""Rows 1 and 2: the AUs in z1, the AUs left in z2, and the leak."""

from itertools import product

import numpy as np

from audetnet.disentangling.block_metrics import leak_ratio, macro_auc, macro_f1
from audetnet.disentangling.decoded_images import au_walks
from audetnet.disentangling.figures import Illustration, code_maps
from audetnet.disentangling.measure import finds
from audetnet.disentangling.probes import FEWEST_PEOPLE, au_scores
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import (
    CODES,
    Findings,
    Known,
    Row,
    Table,
    needs_people,
    needs_z2,
)
from audetnet.evaluation.people import Estimate, Statistic, estimate
from audetnet.seeds import Purpose, numpy_generator

_PROBES = {
    "linear": "logistic regression, balanced classes, on standardised codes",
    "rbf": "the same on 300 Nystroem features of an RBF kernel (width: the median distance)",
}
_BRIEF = {"linear": "linear", "rbf": "RBF"}
_FOLDS = (
    "five folds by person, C chosen on other people within the fitted ones; "
    "over all frames, mean over the AUs that occur"
)


def _rows(block: str, probe: str) -> list[Row]:
    number, ideal = (1, "high") if block == "z1" else (2, "0.5")
    title = f"AUs in {block}, {probe} probe"
    headline = (block, probe) != ("z1", "rbf")
    brief = f"AUs from {block}, {_BRIEF[probe]} (AUC)"
    return [
        Row(
            key=f"au_{block}_{probe}_auc",
            number=number,
            title=title,
            unit="macro ROC-AUC",
            chance="0.5",
            ideal=ideal,
            definition=f"{_PROBES[probe]}; {_FOLDS}.",
            headline=headline,
            in_summary=brief if headline else None,
            in_intervals=headline,
        ),
        Row(
            key=f"au_{block}_{probe}_f1",
            number=number,
            title=title,
            unit="macro F1",
            chance="2r / (2r + 1) at rate r",
            ideal="high" if block == "z1" else "chance",
            definition=f"{_PROBES[probe]}; active at a score of at least 0 (balanced classes); "
            f"{_FOLDS}.",
        ),
    ]


ROWS = (
    *(row for block, probe in product(("z1", "z2"), _PROBES) for row in _rows(block, probe)),
    *(
        Row(
            key=f"leak_{probe}",
            number=2,
            title=f"leak of the AUs into z2, {probe} probe",
            unit="ratio",
            chance="0",
            ideal="0",
            definition="(AUC(z2) - 0.5) / (AUC(z1) - 0.5) of the same probe; not given where "
            "AUC(z1) < 0.55.",
            headline=True,
        )
        for probe in _PROBES
    ),
)


def _drawn(subject: Subject, _: Table) -> list[Illustration]:
    """Maps of the codes by person and AU, and walks along the AUs in z1."""
    run, codes, names = subject.trained, subject.test, subject.au_names
    return [code_maps(codes, names), au_walks(run.model, codes, run.test_code, names)]


@finds(*ROWS, of=(*CODES, "outputs"), draw=_drawn)
def measure(subject: Subject) -> Findings:
    """AUC and F1 of each block and probe, and the leak. Raises NotMeasuredError for fewer than 3
    people.
    """
    codes = subject.test
    needs_people(codes, FEWEST_PEOPLE, "an AU probe with folds by person")
    people = len(codes.people)
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found: dict[str, Estimate] = {}
    auc: dict[tuple[str, str], Statistic] = {}
    known: list[Known] = []
    for block, probe in product(subject.blocks, _PROBES):
        z = codes.block(block)
        if not z.shape[1]:
            continue
        scores = au_scores(z, codes.labels, codes.person, probe == "rbf")
        auc[block, probe] = macro_auc(scores, codes.labels, codes.person)
        f1 = macro_f1((scores >= 0).astype(np.float64), codes.labels, codes.person)
        found[f"au_{block}_{probe}_auc"] = estimate(auc[block, probe], people, generator)
        found[f"au_{block}_{probe}_f1"] = estimate(f1, people, generator)
        for place, au in enumerate(subject.au_names):
            one = [place]
            of_au = macro_auc(scores[:, one], codes.labels[:, one], codes.person)
            value = estimate(of_au, people, generator)
            share = 2 * (value.value - 0.5)
            known.append(
                Known(
                    factor=au,
                    group="AUs",
                    block=block,
                    measure=f"AUC, {probe} probe",
                    estimate=value,
                    share=share,
                )
            )
    for probe in _PROBES:
        if ("z1", probe) in auc and ("z2", probe) in auc:
            leak = leak_ratio(auc["z2", probe], auc["z1", probe])
            found[f"leak_{probe}"] = estimate(leak, people, generator)
    if not found:
        needs_z2(codes)
    return Findings(found, tuple(k for k in known if not np.isnan(k.estimate.value)))
