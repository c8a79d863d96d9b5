"""The losses that teach the AUPredictor. Each owns what outputs mean: what they are taught, what
they say, and when an AU counts as active. A new one is one decorated class here and its test.

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
"""That a logit is given for: that of 0 is infinite."""

Kind = TypeVar("Kind", bound="type[AULoss]")
AU_LOSSES: dict[str, "type[AULoss]"] = {}
"""By the names that au_regression_loss_function takes."""


def au_loss(name: str) -> Callable[[Kind], Kind]:
    """Register a class under the name that stands in a cfg."""
    return register(AU_LOSSES, name)


@dataclass(frozen=True)
class AULoss(ABC):
    """``regress``: outputs stand for intensities, else for occurrences. ``active_from`` is the
    smallest label that counts as active.
    """

    regress: bool
    active_from: float

    def active_labels(self, labels: Tensor) -> Tensor:
        """Labels (B, A) as 1 (active), 0 (inactive) and NaN (unknown)."""
        active = (labels >= self.active_from).to(labels.dtype)
        return active.masked_fill(labels.isnan(), float("nan"))

    @abstractmethod
    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs are taught, (B, A); NaN where the label is."""

    @staticmethod
    @abstractmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each output given its target, (B, A)."""

    @staticmethod
    def best_outputs(targets: Tensor) -> Tensor:
        """The outputs (..., A) that lose least where these are the targets' means."""
        return targets

    @abstractmethod
    def scores(self, outputs: Tensor) -> Tensor:
        """What outputs say, (B, A): higher is more active."""

    @abstractmethod
    def unit(self, scores: Tensor) -> Tensor:
        """Scores on the scale of 0-1, which they may leave: a fifth of the intensity, or the
        probability that an AU is active.
        """

    def outputs(self, scores: Tensor) -> Tensor:
        """Scores on the scale of thresholds: intensities (0-5) or probabilities (0-1), which they
        may leave.
        """
        return self.unit(scores) * MAX_INTENSITY if self.regress else self.unit(scores)

    @property
    def threshold(self) -> float:
        """The output from which on an AU counts as active: active_from, or a probability of 0.5."""
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
    """An output is the score itself."""

    @staticmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets) ** 2

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs


@au_loss("BCEWithLogits")
class CrossEntropy(UnitScores):
    """An output is the logit of the score."""

    @staticmethod
    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")

    @staticmethod
    def best_outputs(targets: Tensor) -> Tensor:
        return targets.logit(eps=_SMALLEST_PROBABILITY)

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()
