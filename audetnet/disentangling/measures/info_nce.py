"""Row 7: can a critic that was trained on other people tell which z2 belongs to which z1?"""

import numpy as np
import torch

from audetnet.disentangling.block_metrics import info_nce, pair_auc
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.measure import finds
from audetnet.disentangling.separable_critic import (
    PAIRS,
    PAIRS_WITHIN,
    SeparableCritic,
    cuts,
    trained_critic,
)
from audetnet.disentangling.subject import Subject
from audetnet.disentangling.table import Findings, NotMeasuredError, Row, needs_z2
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate, estimate, mean_over_frames
from audetnet.seeds import Purpose, numpy_generator

FEWEST_FRAMES = 100
"""Training frames without which no critic learns anything. About 3,000 are good."""
_ROUNDS = 4
"""Times that every frame is scored, each time among others."""


def _rows(scope: str) -> tuple[Row, Row]:
    within = scope == "within"
    whose = "the same person" if within else "anyone"
    pairs = PAIRS_WITHIN if within else PAIRS
    title = f"true pairs (z1, z2) against z2 of {whose}"
    how = (
        "separable critic f(z1) . g(z2) (two perceptrons), trained with InfoNCE on training people "
        f"(epoch chosen on a fifth of them), scored on others among {pairs} frames of {whose}"
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
            "(van den Oord et al. 2018). A lower bound: 0 proves nothing, more proves a link.",
            headline=True,
        ),
        Row(
            key=f"nce_{scope}_auc",
            number=7,
            title=title,
            unit="ROC-AUC",
            chance="0.5",
            ideal="0.5",
            definition=f"{how}; share of shuffled pairs that score below the true one.",
            headline=True,
            in_intervals=True,
        ),
    )


ROWS = (*_rows("pooled"), *_rows("within"))


@finds(*ROWS)
def measure(subject: Subject) -> Findings:
    """Nats and AUC with negatives of anyone and of the same person. Raises NotMeasuredError for too
    few frames or without z2.
    """
    needs_z2(subject.test)
    if len(subject.train) < FEWEST_FRAMES:
        raise NotMeasuredError(
            f"the InfoNCE critic needs at least {FEWEST_FRAMES} training frames, there are "
            f"{len(subject.train)}"
        )
    generator = numpy_generator(subject.seed, Purpose.DISENTANGLING)
    found: dict[str, Estimate] = {}
    for scope in subject.scopes:
        within = scope == "within"
        if within and min(np.bincount(subject.test.person)) < 2:
            continue
        critic = trained_critic(subject.train, within, subject.device, subject.seed)
        nats, auc = _scored(critic, subject.test, within, generator)
        for name, values in (("nats", nats), ("auc", auc)):
            statistic = mean_over_frames(values, subject.test.person)
            found[f"nce_{scope}_{name}"] = estimate(statistic, len(subject.test.people), generator)
    return Findings(found)


@torch.no_grad()
def _scored(
    critic: SeparableCritic, codes: Codes, within: bool, generator: np.random.Generator
) -> tuple[Array, Array]:
    """InfoNCE in nats and AUC of each frame (N,), means over the rounds."""
    nats, auc = np.zeros(len(codes)), np.zeros(len(codes))
    counts = np.zeros(len(codes))
    rows = np.arange(len(codes))
    for _ in range(_ROUNDS):
        for batch in cuts(codes.person, rows, within, generator):
            scores = critic.of_codes(codes.z1[batch], codes.z2[batch])
            np.add.at(nats, batch, info_nce(scores))
            np.add.at(auc, batch, pair_auc(scores))
            np.add.at(counts, batch, 1)
    return nats / counts, auc / counts
