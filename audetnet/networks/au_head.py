"""What the AUPredictor's outputs mean: which loss teaches them, what score and what decision they
stand for.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from audetnet.networks.losses import AU_LOSSES

LabelKind = Literal["intensity", "occurrence"]
MAX_INTENSITY = 5.0
ACTIVE_INTENSITY = 2.0
"""An AU of an intensity table is active from this intensity on, as in the whole field."""
ACTIVE_PROBABILITY = 0.5


def active_labels(labels: Tensor, kind: LabelKind) -> Tensor:
    """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
    threshold = ACTIVE_INTENSITY if kind == "intensity" else 1.0
    return (labels >= threshold).to(labels.dtype).masked_fill(labels.isnan(), float("nan"))


@dataclass(frozen=True)
class AUHead:
    """Reads outputs (B, A) as intensities (``regress``) or occurrences, of labels of a kind.

    A score lies in [0, 1] where it makes sense: sigmoid(output) for BCEWithLogits, the output
    itself for MSE. With ``regress`` intensity = 5 * score, clamped to 0-5, and an AU is active at
    intensity >= 2; without, the score is a probability and an AU is active at >= 0.5.
    """

    loss_function: Literal["MSE", "BCEWithLogits"]
    regress: bool
    kind: LabelKind

    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs (or their sigmoid) should be, in [0, 1]; NaN = unknown."""
        return labels / MAX_INTENSITY if self.regress else active_labels(labels, self.kind)

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
            return self.intensities(scores) >= ACTIVE_INTENSITY
        return scores >= ACTIVE_PROBABILITY
