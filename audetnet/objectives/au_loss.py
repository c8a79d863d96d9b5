"""The AUs, from z1 alone."""

from dataclasses import dataclass

from torch import Tensor

from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective


@objective("au_loss")
@dataclass(frozen=True, kw_only=True)
class AULoss(Objective):
    """The mean over known labels of the loss that au_regression_loss_function names."""

    @property
    def gradients(self) -> str:
        return "z1"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """A mean over known labels, of which the parts of a batch hold different numbers."""
        labels = forward.batch.labels
        loss = forward.head.loss(forward.outputs, labels)
        loss = loss * forward.share_of_count((~labels.isnan()).sum())
        return loss, {"au_loss": loss}
