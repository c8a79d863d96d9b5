"""An adversary on z1: a critic learns to read from it who is in the picture, and the encoder to
leave it nothing to read. Of people and AUs: Ning et al. 2024, "Representation learning and identity
adversarial training for facial behavior understanding" (FMAE-IAT), arXiv 2407.11243; its reversed
gradient is replaced by the confusion loss of Tzeng et al. 2015, arXiv 1510.02192.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.objectives.critics import answers, frozen
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@objective("identity_adversary")
@dataclass(frozen=True, kw_only=True)
class IdentityAdversary(CriticObjective):
    """``critic``, the section of its network, has an output for each person of the training frames
    and learns by cross-entropy.

    The main networks make small the divergence of its answers from each person's share of the
    batch, in nats: what a critic says that sees nothing, and there the loss is 0. Minus the
    critic's cross-entropy would have no least value, and be best where the critic is sure and
    wrong, which is knowledge too; that is what destroys z1 at small weights already.
    """

    critic_input = "z1"
    critic_output = "people"

    @property
    def gradients(self) -> str:
        return "z1"

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """``gain``: by how many nats it knows more than each person's share of the batch."""
        outputs = answers(forward.critic(self.critic), forward.code.z1.detach())
        loss = F.cross_entropy(outputs, forward.batch.subjects)
        shares = people_shares(forward.all_subjects, outputs.shape[1])
        gain = -torch.xlogy(shares, shares).sum() - loss
        name = self.critic_name
        return loss, {f"{name}_loss": loss, f"{name}_gain": gain}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            outputs = answers(critic, forward.code.z1)
        excess = divergence(outputs, people_shares(forward.all_subjects, outputs.shape[1]))
        return excess, {f"{self.critic_name}_excess": excess}


def people_shares(subjects: Tensor, people: int) -> Tensor:
    """Each person's share (people,) of the frames, of which subjects (B,) are the numbers."""
    known = torch.arange(people, device=subjects.device)
    return (subjects[:, None] == known).float().mean(dim=0)


def divergence(outputs: Tensor, shares: Tensor) -> Tensor:
    """KL(shares || softmax of the outputs (B, people)), meaned over frames, in nats."""
    logs = F.log_softmax(outputs, dim=1)
    return (torch.xlogy(shares, shares) - shares * logs).sum(dim=1).mean()
