"""What the AUPredictor's outputs mean, as the loss says that teaches them."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from audetnet.labels import MAX_INTENSITY
from audetnet.networks.au_losses import AU_LOSSES, AULoss


def masked_loss(name: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss of AU_LOSSES, meaned over the known (not NaN) of the targets (B, A); 0, without a
    gradient, where none is known.
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
    """

    loss_function: str
    regress: bool
    active_from: float

    @cached_property
    def _meaning(self) -> AULoss:
        return AU_LOSSES[self.loss_function](self.regress, self.active_from)

    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs are taught; NaN = unknown."""
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
        """The outputs (..., A) that lose least where these are the targets' means."""
        return self._meaning.best_outputs(targets)

    def outputs(self, scores: Tensor) -> Tensor:
        """Scores on the scale of thresholds: of intensities (0-5) with ``regress``, else of
        probabilities (0-1). An output of MSE may leave the scale.
        """
        return self._meaning.outputs(scores)

    @property
    def threshold(self) -> float:
        """The output from which on an AU counts as active, unless people say otherwise."""
        return self._meaning.threshold

    def predictions(self, scores: Tensor) -> Tensor:
        """Outputs that stay on the scale: intensities (0-5) with ``regress``, else probabilities
        (0-1). Thresholds are chosen on these, and applied to these.
        """
        return self.outputs(scores).clamp(0, MAX_INTENSITY if self.regress else 1)

    def active(self, scores: Tensor) -> Tensor:
        """Decisions (B, A), bool."""
        return self._meaning.active(scores)
