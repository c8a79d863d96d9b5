"""The AU loss: AUs are predicted from z1 only."""

from dataclasses import dataclass

from torch import Tensor

from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective


@objective("au_loss")
@dataclass(frozen=True, kw_only=True)
class AULoss(Objective):
    """The loss named by au_regression_loss_function, averaged over known labels."""

    @property
    def gradients(self) -> str:
        return "z1"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """Reweighted, because the processes' parts of a batch differ in their number of labels."""
        labels = forward.batch.labels
        loss = forward.head.loss(forward.outputs, labels)
        loss = loss * forward.share_of_count((~labels.isnan()).sum())
        return loss, {"au_loss": loss}
