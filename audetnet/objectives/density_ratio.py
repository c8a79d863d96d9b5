"""A logistic critic of (z1, z2), trained to tell pairs of one image from shuffled ones. Its logit
estimates the log ratio of their densities, whose mean over real pairs is the mutual information in
nats. Sugiyama et al. 2012; as a loss: Kim & Mnih 2018, "Disentangling by Factorising", arXiv
1802.05983.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.networks.code import Code, GradientTo
from audetnet.objectives.critics import frozen, scores
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@objective("density_ratio")
@dataclass(frozen=True, kw_only=True)
class DensityRatio(CriticObjective):
    """``critic`` is the section of its network. ``shuffle=marginal`` pairs each z1 with the z2 of
    any other image of the batch; ``within_pattern`` with that of an image with the same AUs, so
    that information that z1 and z2 share only through the AUs is not penalised. Frames whose
    AU pattern is unique in the batch are ignored.
    """

    shuffle: Literal["marginal", "within_pattern"] = "marginal"
    gradient_to: GradientTo = "both"

    needs_z2 = True

    @property
    def gradients(self) -> str:
        return self.gradient_to

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        code, used = self._shuffled(forward)
        joint = scores(critic, forward.code.detach().whole)
        shuffled = scores(critic, code.whole)
        loss = logistic_loss(joint, shuffled, used) * forward.share_of_count(used.sum())
        name = self.critic_name
        return loss, {f"{name}_loss": loss}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            logits = scores(critic, forward.code.with_gradient_to(self.gradient_to).whole)
        ratio = logits.mean()
        return ratio, {f"{self.critic_name}_log_ratio": ratio}

    def _shuffled(self, forward: Forward) -> tuple[Code, Tensor]:
        """This process's codes with z2 of other images, and which frames to use (b,), 1 or 0."""
        if self.shuffle == "marginal":
            shuffled = forward.shuffled()
            return shuffled, torch.ones(len(shuffled), device=shuffled.whole.device)
        matches = same_pattern(forward.head.active_labels(forward.all_labels))
        order, used = partners(matches, forward.uniform(*matches.shape))
        codes = forward.all_codes.shuffled(order)
        return forward.own(codes), used[forward.batch.part]


def logistic_loss(joint: Tensor, shuffled: Tensor, used: Tensor) -> Tensor:
    """Binary cross-entropy of the logits of joint and of shuffled pairs, summed over the two and
    averaged over the ``used`` frames; all (b,). 2 log 2 for an uninformed critic.
    """
    losses = F.softplus(-joint) + F.softplus(shuffled)
    return (losses * used).sum() / used.sum().clamp(min=1)


def same_pattern(active: Tensor) -> Tensor:
    """Which pairs of frames (B, B) show the same AUs; ``active`` (B, A) is 1, 0, or NaN = unknown,
    which only matches unknown.
    """
    values = active.nan_to_num(nan=-1.0)
    return (values[:, None] == values[None]).all(dim=2)


def partners(matches: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """For each frame the index of another frame that ``matches`` (B, B), uniformly chosen by
    ``noise`` (B, B) from [0, 1), and whether there is one (B,), as 1 or 0. A frame without one is
    its own partner.
    """
    others = matches & ~torch.eye(len(matches), dtype=torch.bool, device=matches.device)
    has_any = others.any(dim=1)
    chosen = torch.where(others, noise + 1, 0.0).argmax(dim=1)
    own = torch.arange(len(matches), device=matches.device)
    return torch.where(has_any, chosen, own), has_any.float()
