"""An adversary on z1: a critic learns to identify the person from z1, and the encoder learns to
prevent it. After Ning et al. 2024, "Representation learning and identity adversarial training for
facial behavior understanding" (FMAE-IAT), arXiv 2407.11243, with the confusion loss of Tzeng et al.
2015, arXiv 1510.02192, instead of gradient reversal.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.objectives.critics import flat_outputs, frozen
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@objective("identity_adversary")
@dataclass(frozen=True, kw_only=True)
class IdentityAdversary(CriticObjective):
    """``critic`` is the section of its network, which has one output per person of the training
    frames and is trained with cross-entropy.

    The main networks minimise the KL divergence, in nats, from each person's share of the batch to
    the critic's prediction: an uninformed critic predicts these shares, and there the loss is 0.
    The negated cross-entropy would be unbounded, and lowest for a critic that is confidently wrong,
    which takes information too; it destroys z1 even at small weights.
    """

    critic_input = "z1"
    critic_output = "people"

    @property
    def gradients(self) -> str:
        return "z1"

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        """``gain``: by how many nats it beats predicting each person's share of the batch."""
        outputs = flat_outputs(forward.critic(self.critic), forward.code.z1.detach())
        loss = F.cross_entropy(outputs, forward.batch.subjects)
        shares = people_shares(forward.all_subjects, outputs.shape[1])
        gain = -torch.xlogy(shares, shares).sum() - loss
        name = self.critic_name
        return loss, {f"{name}_loss": loss, f"{name}_gain": gain}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            outputs = flat_outputs(critic, forward.code.z1)
        excess = divergence(outputs, people_shares(forward.all_subjects, outputs.shape[1]))
        return excess, {f"{self.critic_name}_excess": excess}


def people_shares(subjects: Tensor, people: int) -> Tensor:
    """Each person's share (people,) of the frames; subjects (B,) are person indices."""
    known = torch.arange(people, device=subjects.device)
    return (subjects[:, None] == known).float().mean(dim=0)


def divergence(outputs: Tensor, shares: Tensor) -> Tensor:
    """KL(shares || softmax of the outputs (B, people)), averaged over frames, in nats."""
    logs = F.log_softmax(outputs, dim=1)
    return (torch.xlogy(shares, shares) - shares * logs).sum(dim=1).mean()
