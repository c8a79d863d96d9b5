"""Row 7: whether a critic trained on other people can match z2 to z1."""

import numpy as np
import torch

from audetnet.disentangling.block_metrics import info_nce, pair_auc
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.measure import computes
from audetnet.disentangling.separable_critic import (
    PAIRS,
    PAIRS_WITHIN,
    SeparableCritic,
    random_batches,
    trained_critic,
)
from audetnet.disentangling.table import Findings, NotMeasuredError, Row, require_z2
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate, estimate, mean_over_frames

FEWEST_FRAMES = 100
"""Training frames a critic needs to learn anything; about 3,000 are good."""
_ROUNDS = 4
"""How often every frame is scored, each time in another batch."""


def _rows(scope: str) -> tuple[Row, Row]:
    within = scope == "within"
    whose = "the same person" if within else "anyone"
    pairs = PAIRS_WITHIN if within else PAIRS
    title = f"true pairs (z1, z2) against z2 of {whose}"
    how = (
        "separable critic f(z1) . g(z2) (two MLPs), trained with InfoNCE on the training people "
        f"(epoch chosen on a fifth of them), tested on others in batches of {pairs} frames of "
        f"{whose}"
    )
    return (
        Row(
            key=f"nce_{scope}_nats",
            number=7,
            title=title,
            unit="nats",
            chance="0",
            ideal="0",
            definition=f"{how}; log K + log softmax of the true pair, at most {np.log(pairs):.2f} "
            "(van den Oord et al. 2018). A lower bound: 0 proves nothing, more proves dependence.",
            headline=True,
        ),
        Row(
            key=f"nce_{scope}_auc",
            number=7,
            title=title,
            unit="ROC-AUC",
            chance="0.5",
            ideal="0.5",
            definition=f"{how}; share of shuffled pairs that score lower than the true one.",
            headline=True,
            in_intervals=True,
        ),
    )


ROWS = (*_rows("pooled"), *_rows("within"))


@computes(*ROWS)
def measure(data: ColumnData) -> Findings:
    """Nats and AUC, with negatives from anyone and from the same person. Raises NotMeasuredError
    for too few frames, or without z2.
    """
    require_z2(data.test)
    if len(data.train) < FEWEST_FRAMES:
        raise NotMeasuredError(
            f"the InfoNCE critic needs at least {FEWEST_FRAMES} training frames, there are "
            f"{len(data.train)}"
        )
    generator = data.generator()
    cells: dict[str, Estimate] = {}
    for scope in data.scopes:
        within = scope == "within"
        if within and min(np.bincount(data.test.person)) < 2:
            continue
        critic = trained_critic(data.train, within, data.device, data.seed)
        nats, auc = _scored(critic, data.test, within, generator)
        for name, values in (("nats", nats), ("auc", auc)):
            statistic = mean_over_frames(values, data.test.person)
            cells[f"nce_{scope}_{name}"] = estimate(statistic, len(data.test.people), generator)
    return Findings(cells)


@torch.no_grad()
def _scored(
    critic: SeparableCritic, codes: Codes, within: bool, generator: np.random.Generator
) -> tuple[Array, Array]:
    """InfoNCE in nats and AUC of each frame, (N,), means over the rounds."""
    nats, auc = np.zeros(len(codes)), np.zeros(len(codes))
    counts = np.zeros(len(codes))
    for _ in range(_ROUNDS):
        for batch in random_batches(codes.person, np.arange(len(codes)), within, generator):
            scores = critic.of_codes(codes.z1[batch], codes.z2[batch])
            np.add.at(nats, batch, info_nce(scores))
            np.add.at(auc, batch, pair_auc(scores))
            np.add.at(counts, batch, 1)
    return nats / counts, auc / counts
