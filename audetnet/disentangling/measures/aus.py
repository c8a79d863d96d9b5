"""Rows 1 and 2: the AUs in z1, the AUs left in z2, and the leak."""

from itertools import product

import numpy as np

from audetnet.disentangling.block_metrics import leak_ratio, macro_auc, macro_f1
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.figures import Illustration, code_maps
from audetnet.disentangling.measure import computes
from audetnet.disentangling.probes import FEWEST_PEOPLE, au_scores
from audetnet.disentangling.table import (
    CODES,
    FactorEstimate,
    Findings,
    Row,
    Table,
    require_people,
    require_z2,
)
from audetnet.disentangling.traversals import au_traversals
from audetnet.evaluation.people import Estimate, Statistic

_PROBES = {
    "linear": "logistic regression, balanced classes, on standardised codes",
    "rbf": "the same on 300 Nystroem features of an RBF kernel (width: the median distance)",
}
_SHORT = {"linear": "linear", "rbf": "RBF"}
_FOLDS = (
    "five folds by person, C chosen on held-out people of each training fold; over all frames, "
    "mean over the AUs that occur"
)


def _rows(block: str, probe: str) -> tuple[Row, Row]:
    number, ideal = (1, "high") if block == "z1" else (2, "0.5")
    title = f"AUs in {block}, {probe} probe"
    headline = (block, probe) != ("z1", "rbf")
    return (
        Row(
            key=f"au_{block}_{probe}_auc",
            number=number,
            title=title,
            unit="macro ROC-AUC",
            chance="0.5",
            ideal=ideal,
            definition=f"{_PROBES[probe]}; {_FOLDS}.",
            headline=headline,
            in_summary=f"AUs from {block}, {_SHORT[probe]} (AUC)" if headline else None,
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
    )


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
            definition="(AUC(z2) - 0.5) / (AUC(z1) - 0.5) of the same probe; undefined if "
            "AUC(z1) < 0.55.",
            headline=True,
        )
        for probe in _PROBES
    ),
)


def _draw(data: ColumnData, _: Table) -> list[Illustration]:
    """Maps of the codes by person and AU, and traversals of z1 along each AU."""
    run, codes, names = data.model_run, data.test, data.au_names
    return [code_maps(codes, names), au_traversals(run.decoded, codes, run.test_code, names)]


@computes(*ROWS, of=(*CODES, "outputs"), draw=_draw)
def measure(data: ColumnData) -> Findings:
    """AUC and F1 of each block and probe, and the leak. Raises NotMeasuredError for fewer than 3
    people.
    """
    codes, estimate = data.test, data.estimator()
    require_people(codes, FEWEST_PEOPLE, "an AU probe with folds by person")
    cells: dict[str, Estimate] = {}
    auc: dict[tuple[str, str], Statistic] = {}
    factors: list[FactorEstimate] = []
    for block, probe in product(data.blocks, _PROBES):
        z = codes.block(block)
        if not z.shape[1]:
            continue
        scores = au_scores(z, codes.labels, codes.person, probe == "rbf")
        auc[block, probe] = macro_auc(scores, codes.labels, codes.person)
        f1 = macro_f1((scores >= 0).astype(np.float64), codes.labels, codes.person)
        cells[f"au_{block}_{probe}_auc"] = estimate(auc[block, probe])
        cells[f"au_{block}_{probe}_f1"] = estimate(f1)
        for column, au in enumerate(data.au_names):
            of_au = macro_auc(scores[:, [column]], codes.labels[:, [column]], codes.person)
            value = estimate(of_au)
            factors.append(
                FactorEstimate(
                    factor=au,
                    group="AUs",
                    block=block,
                    measure=f"AUC, {probe} probe",
                    estimate=value,
                    share=2 * (value.value - 0.5),
                )
            )
    for probe in _PROBES:
        if ("z1", probe) in auc and ("z2", probe) in auc:
            leak = leak_ratio(auc["z2", probe], auc["z1", probe])
            cells[f"leak_{probe}"] = estimate(leak)
    if not cells:
        require_z2(codes)
    return Findings(cells, tuple(f for f in factors if not np.isnan(f.estimate.value)))
