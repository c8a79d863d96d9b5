"""An adversary on z2: a critic learns to read the AUs from it, and the encoder to leave it nothing
to read. After Ganin et al. 2016, "Domain-adversarial training of neural networks", arXiv
1505.07818, with the confusion loss of Tzeng et al. 2015, arXiv 1510.02192, in the place of a
reversed gradient.
"""

from dataclasses import dataclass

from torch import Tensor

from audetnet.networks.au_head import AUHead, masked_loss
from audetnet.objectives.critics import answers, frozen
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@objective("au_adversary")
@dataclass(frozen=True, kw_only=True)
class AUAdversary(CriticObjective):
    """``critic``, the section of its network, has an output for each AU and learns by the AU loss.

    The main networks make small the AU loss of its outputs with the batch's mean of each AU as the
    target of every frame: what a critic says that sees nothing, and there the loss, given beyond
    the least it can be, is 0. Minus the critic's loss would have no least value, and be best where
    the critic is sure and wrong, which is knowledge too.
    """

    critic_input = "z2"
    critic_output = "AUs"
    needs_z2 = True

    @property
    def gradients(self) -> str:
        return "z2"

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """``gain``: by how much less it loses than one that says every AU's mean."""
        head, labels = forward.head, forward.batch.labels
        outputs = answers(forward.critic(self.critic), forward.code.z2.detach())
        share = forward.share_of_count((~labels.isnan()).sum())
        loss = head.loss(outputs, labels) * share
        blind = head.loss(head.best_outputs(_means(forward)).expand_as(outputs), labels) * share
        name = self.critic_name
        return loss, {f"{name}_loss": loss, f"{name}_gain": blind - loss}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            outputs = answers(critic, forward.code.z2)
        excess = excess_loss(forward.head, outputs, _means(forward))
        return excess, {f"{self.critic_name}_excess": excess}


def excess_loss(head: AUHead, outputs: Tensor, means: Tensor) -> Tensor:
    """The AU loss of outputs (B, A) whose targets are the means (A,), beyond the least that it can
    be. Of probabilities it is the divergence of the outputs from the means, in nats.
    """
    targets = means.expand_as(outputs)
    least = masked_loss(head.loss_function, head.best_outputs(targets), targets)
    return masked_loss(head.loss_function, outputs, targets) - least


def _means(forward: Forward) -> Tensor:
    """The mean target of each AU over the whole batch (A,); NaN where none is known."""
    return forward.head.targets(forward.all_labels).nanmean(dim=0)
