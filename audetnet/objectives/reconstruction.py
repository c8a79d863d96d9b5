"""The reconstruction of the image from z1 and z2, so that the code keeps all information."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from audetnet.networks.code import GradientTo
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms, objective

LossName = Literal["L1", "L2"]
LOSSES: dict[LossName, Callable[[Tensor, Tensor], Tensor]] = {"L1": F.l1_loss, "L2": F.mse_loss}


@objective("reconstruction")
@dataclass(frozen=True, kw_only=True)
class Reconstruction(Objective):
    """The absolute (L1) or squared (L2) difference, averaged over pixels on a scale of [-1, 1].

    With ``gradient_to=z2``, z1 is learnt from the AUs only.
    """

    loss: LossName = "L1"
    gradient_to: GradientTo = "both"

    @property
    def gradients(self) -> str:
        return f"decoder, {self.gradient_to}"

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        loss = LOSSES[self.loss](forward.reconstruction(self.gradient_to), forward.image)
        return loss, {"reconstruction_loss": loss}


def evaluation_loss(objectives: Iterable[object]) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss for evaluating reconstructions: the training loss if there is one, else L1."""
    names: list[LossName] = [each.loss for each in objectives if isinstance(each, Reconstruction)]
    return LOSSES[names[0] if names else "L1"]
