"""An adversary on z2: a critic learns to predict the AUs from z2, and the encoder learns to prevent
it. After Ganin et al. 2016, "Domain-adversarial training of neural networks", arXiv 1505.07818,
with the confusion loss of Tzeng et al. 2015, arXiv 1510.02192, instead of gradient reversal.
"""

from dataclasses import dataclass

from torch import Tensor

from audetnet.networks.au_head import AUHead, masked_loss
from audetnet.objectives.critics import flat_outputs, frozen
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@objective("au_adversary")
@dataclass(frozen=True, kw_only=True)
class AUAdversary(CriticObjective):
    """``critic`` is the section of its network, which has one output per AU and is trained with the
    AU loss.

    The main networks minimise the AU loss of the critic's outputs, with each AU's batch mean as the
    target of every frame: that is what an uninformed critic predicts. The loss is given in excess
    of its minimum, so there it is 0. The negated critic loss would be unbounded, and lowest for a
    critic that is confidently wrong, which takes information too.
    """

    critic_input = "z2"
    critic_output = "AUs"
    needs_z2 = True

    @property
    def gradients(self) -> str:
        return "z2"

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """``gain``: by how much its loss is lower than that of predicting every AU's mean."""
        head, labels = forward.head, forward.batch.labels
        outputs = flat_outputs(forward.critic(self.critic), forward.code.z2.detach())
        share = forward.share_of_count((~labels.isnan()).sum())
        loss = head.loss(outputs, labels) * share
        blind = head.loss(head.best_outputs(_means(forward)).expand_as(outputs), labels) * share
        name = self.critic_name
        return loss, {f"{name}_loss": loss, f"{name}_gain": blind - loss}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            outputs = flat_outputs(critic, forward.code.z2)
        excess = excess_loss(forward.head, outputs, _means(forward))
        return excess, {f"{self.critic_name}_excess": excess}


def excess_loss(head: AUHead, outputs: Tensor, means: Tensor) -> Tensor:
    """The AU loss of outputs (B, A) with the means (A,) as targets, in excess of its minimum. For
    probabilities it is the KL divergence from the means to the outputs, in nats.
    """
    targets = means.expand_as(outputs)
    minimum = masked_loss(head.loss_function, head.best_outputs(targets), targets)
    return masked_loss(head.loss_function, outputs, targets) - minimum


def _means(forward: Forward) -> Tensor:
    """The mean target of each AU over the whole batch (A,); NaN if none is known."""
    return forward.head.targets(forward.all_labels).nanmean(dim=0)
