"""What the AUPredictor's outputs mean: which loss teaches them, what score and what decision they
stand for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.labels import MAX_INTENSITY

ACTIVE_PROBABILITY = 0.5
SMALLEST_PROBABILITY = 1e-6
"""That a logit is given for; an output of infinity has no loss."""


@dataclass(frozen=True)
class AULossFunction:
    """``losses``: of each output given its target in [0, 1], both (B, A). ``scores``: what outputs
    say, in [0, 1] where it makes sense, higher is more active. ``outputs``: those that say a score,
    which have the least loss where targets are it on average.
    """

    losses: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Tensor], Tensor]
    outputs: Callable[[Tensor], Tensor]


AU_LOSSES: dict[str, AULossFunction] = {
    "MSE": AULossFunction(
        losses=lambda outputs, targets: (outputs - targets) ** 2,
        scores=lambda outputs: outputs,
        outputs=lambda scores: scores,
    ),
    "BCEWithLogits": AULossFunction(
        losses=lambda outputs, targets: F.binary_cross_entropy_with_logits(
            outputs, targets, reduction="none"
        ),
        scores=lambda outputs: outputs.sigmoid(),
        outputs=lambda scores: scores.logit(eps=SMALLEST_PROBABILITY),
    ),
}
"""By the names that au_regression_loss_function takes. A new one is one entry here."""


def masked_loss(name: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss of AU_LOSSES, meaned over the known (not NaN) of the targets (B, A) in [0, 1]; 0,
    without a gradient, where none is known.
    """
    known = ~targets.isnan()
    losses = AU_LOSSES[name].losses(outputs, targets.nan_to_num())
    total = torch.where(known, losses, torch.zeros_like(losses)).sum()
    return total / known.sum().clamp(min=1)


@dataclass(frozen=True)
class AUHead:
    """Reads outputs (B, A) as intensities (``regress``) or occurrences. ``loss_function`` is a name
    of AU_LOSSES; ``active_from`` is the smallest label that counts as active: 2 of intensities
    unless dataset.json says otherwise, 1 of occurrences.

    With ``regress`` intensity = 5 * score, clamped to 0-5, and an AU is active at intensity >=
    active_from; without, the score is a probability and an AU is active at >= 0.5.
    """

    loss_function: str
    regress: bool
    active_from: float

    def targets(self, labels: Tensor) -> Tensor:
        """What the scores should be, in [0, 1]; NaN = unknown."""
        return labels / MAX_INTENSITY if self.regress else self.active_labels(labels)

    def active_labels(self, labels: Tensor) -> Tensor:
        """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
        active = (labels >= self.active_from).to(labels.dtype)
        return active.masked_fill(labels.isnan(), float("nan"))

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The AU loss, a scalar, over the known labels."""
        return masked_loss(self.loss_function, outputs, self.targets(labels))

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores (B, A): higher is more active."""
        return AU_LOSSES[self.loss_function].scores(outputs)

    def outputs(self, scores: Tensor) -> Tensor:
        """The outputs that say these scores, (..., A)."""
        return AU_LOSSES[self.loss_function].outputs(scores)

    def intensities(self, scores: Tensor) -> Tensor:
        """Predicted intensities, 0-5; only meaningful with ``regress``."""
        return (scores * MAX_INTENSITY).clamp(0, MAX_INTENSITY)

    def active(self, scores: Tensor) -> Tensor:
        """Decisions (B, A), bool."""
        if self.regress:
            return self.intensities(scores) >= self.active_from
        return scores >= ACTIVE_PROBABILITY
