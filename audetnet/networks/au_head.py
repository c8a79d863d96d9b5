"""What the AUPredictor's outputs mean: which loss teaches them, what score and what decision they
stand for.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from audetnet.labels import MAX_INTENSITY
from audetnet.networks.losses import AU_LOSSES

ACTIVE_PROBABILITY = 0.5


@dataclass(frozen=True)
class AUHead:
    """Reads outputs (B, A) as intensities (``regress``) or occurrences. ``active_from`` is the
    smallest label that counts as active: 2 of intensities unless dataset.json says otherwise, 1 of
    occurrences.

    A score lies in [0, 1] where it makes sense: sigmoid(output) for BCEWithLogits, the output
    itself for MSE. With ``regress`` intensity = 5 * score, clamped to 0-5, and an AU is active at
    intensity >= active_from; without, the score is a probability and an AU is active at >= 0.5.
    """

    loss_function: Literal["MSE", "BCEWithLogits"]
    regress: bool
    active_from: float

    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs (or their sigmoid) should be, in [0, 1]; NaN = unknown."""
        return labels / MAX_INTENSITY if self.regress else self.active_labels(labels)

    def active_labels(self, labels: Tensor) -> Tensor:
        """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
        active = (labels >= self.active_from).to(labels.dtype)
        return active.masked_fill(labels.isnan(), float("nan"))

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The AU loss, a scalar, over the known labels."""
        return AU_LOSSES[self.loss_function](outputs, self.targets(labels))

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores (B, A): higher is more active."""
        return outputs.sigmoid() if self.loss_function == "BCEWithLogits" else outputs

    def intensities(self, scores: Tensor) -> Tensor:
        """Predicted intensities, 0-5; only meaningful with ``regress``."""
        return (scores * MAX_INTENSITY).clamp(0, MAX_INTENSITY)

    def active(self, scores: Tensor) -> Tensor:
        """Decisions (B, A), bool."""
        if self.regress:
            return self.intensities(scores) >= self.active_from
        return scores >= ACTIVE_PROBABILITY
