"""What the AUPredictor's outputs mean: the loss that trains them decides."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from audetnet.labels import MAX_INTENSITY
from audetnet.networks.au_losses import AU_LOSSES, AULoss


def masked_loss(name: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss from AU_LOSSES, averaged over the known (not NaN) targets (B, A); 0, without a
    gradient, if none is known.
    """
    known = ~targets.isnan()
    losses = AU_LOSSES[name].losses(outputs, targets.nan_to_num())
    total = torch.where(known, losses, torch.zeros_like(losses)).sum()
    return total / known.sum().clamp(min=1)


@dataclass(frozen=True)
class AUHead:
    """Reads outputs (B, A) as intensities (``regress``) or occurrences. ``loss_function`` is a key
    of AU_LOSSES; ``active_from`` is the smallest label that counts as active: 2 for intensities
    unless dataset.json says otherwise, 1 for occurrences.
    """

    loss_function: str
    regress: bool
    active_from: float

    @cached_property
    def _meaning(self) -> AULoss:
        return AU_LOSSES[self.loss_function](self.regress, self.active_from)

    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs are trained to match; NaN = unknown."""
        return self._meaning.targets(labels)

    def active_labels(self, labels: Tensor) -> Tensor:
        """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
        return self._meaning.active_labels(labels)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The AU loss, a scalar, over the known labels."""
        return masked_loss(self.loss_function, outputs, self.targets(labels))

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores (B, A): higher is more active."""
        return self._meaning.scores(outputs)

    def best_outputs(self, targets: Tensor) -> Tensor:
        """The outputs (..., A) with the smallest loss, given the targets' means."""
        return self._meaning.best_outputs(targets)

    def outputs(self, scores: Tensor) -> Tensor:
        """Scores on the scale of the thresholds: intensities (0-5) with ``regress``, else
        probabilities (0-1). With MSE an output may leave the scale.
        """
        return self._meaning.outputs(scores)

    @property
    def threshold(self) -> float:
        """The smallest output that counts as active, unless the user sets another one."""
        return self._meaning.threshold

    def predictions(self, scores: Tensor) -> Tensor:
        """Outputs clamped to the scale: intensities (0-5) with ``regress``, else probabilities
        (0-1). Thresholds are chosen on these and applied to these.
        """
        return self.outputs(scores).clamp(0, MAX_INTENSITY if self.regress else 1)

    def active(self, scores: Tensor) -> Tensor:
        """Decisions (B, A), bool."""
        return self._meaning.active(scores)
