"""The losses that train the AUPredictor. Each defines what the outputs mean: their targets, their
scores, and when an AU counts as active. To add one, write a decorated class here and its test.

B images, A AUs; a NaN label is unknown.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor
from torch.nn import functional as F

from audetnet.labels import MAX_INTENSITY
from audetnet.registry import register

_ACTIVE_PROBABILITY = 0.5
_SMALLEST_PROBABILITY = 1e-6
"""Probabilities are clamped to this before the logit: the logit of 0 is infinite."""

LossType = TypeVar("LossType", bound="type[AULoss]")
AU_LOSSES: dict[str, "type[AULoss]"] = {}
"""By their names in the cfg option au_regression_loss_function."""


def au_loss(name: str) -> Callable[[LossType], LossType]:
    """Register a class under the name used in a cfg."""
    return register(AU_LOSSES, name)


@dataclass(frozen=True)
class AULoss(ABC):
    """``regress``: outputs are intensities, else occurrences. ``active_from`` is the smallest label
    that counts as active.
    """

    regress: bool
    active_from: float

    def active_labels(self, labels: Tensor) -> Tensor:
        """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
        active = (labels >= self.active_from).to(labels.dtype)
        return active.masked_fill(labels.isnan(), float("nan"))

    @abstractmethod
    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs are trained to match, (B, A); NaN where the label is NaN."""

    @staticmethod
    @abstractmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each output given its target, (B, A)."""

    @staticmethod
    def best_outputs(targets: Tensor) -> Tensor:
        """The outputs (..., A) with the smallest loss, given the targets' means."""
        return targets

    @abstractmethod
    def scores(self, outputs: Tensor) -> Tensor:
        """Scores (B, A): higher is more active."""

    @abstractmethod
    def unit(self, scores: Tensor) -> Tensor:
        """Scores on a scale of 0-1, which they may leave: intensity / 5, or the probability that an
        AU is active.
        """

    def outputs(self, scores: Tensor) -> Tensor:
        """Scores on the scale of the thresholds: intensities (0-5) or probabilities (0-1); they may
        leave the scale.
        """
        return self.unit(scores) * MAX_INTENSITY if self.regress else self.unit(scores)

    @property
    def threshold(self) -> float:
        """The smallest output that counts as active: active_from, or a probability of 0.5."""
        return self.active_from if self.regress else _ACTIVE_PROBABILITY

    def active(self, scores: Tensor) -> Tensor:
        """Decisions (B, A), bool."""
        return self.outputs(scores) >= self.threshold


class UnitScores(AULoss):
    """Targets and scores in [0, 1]."""

    def targets(self, labels: Tensor) -> Tensor:
        return labels / MAX_INTENSITY if self.regress else self.active_labels(labels)

    def unit(self, scores: Tensor) -> Tensor:
        return scores


@au_loss("MSE")
class SquaredError(UnitScores):
    """The output is the score itself."""

    @staticmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets) ** 2

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs


@au_loss("BCEWithLogits")
class CrossEntropy(UnitScores):
    """The output is the logit of the score."""

    @staticmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")

    @staticmethod
    def best_outputs(targets: Tensor) -> Tensor:
        return targets.logit(eps=_SMALLEST_PROBABILITY)

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()
