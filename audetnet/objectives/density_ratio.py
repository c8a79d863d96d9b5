"""A logistic critic of (z1, z2): trained to tell pairs of one image from shuffled ones, its logit
is the log ratio of their densities, whose mean over real pairs is the mutual information in nats.
Sugiyama et al. 2012; as a loss: Kim & Mnih 2018, "Disentangling by Factorising", arXiv 1802.05983.
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
    """``critic`` is the section of its network. ``shuffle=marginal`` gives each z1 the z2 of any
    other image of the batch; ``within_pattern`` that of an image with the same AUs, so that what z2
    shares with z1 only because both go with the AUs is left alone. A frame whose pattern no other
    frame of the batch has takes no part.
    """

    shuffle: Literal["marginal", "within_pattern"] = "marginal"
    gradient_to: GradientTo = "both"

    needs_z2 = True

    @property
    def gradients(self) -> str:
        return self.gradient_to

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        shuffled, taken = self._shuffled(forward)
        joint = scores(critic, forward.code.detach().whole)
        apart = scores(critic, shuffled.whole)
        loss = logistic_loss(joint, apart, taken) * forward.share_of_count(taken.sum())
        name = self.critic_name
        return loss, {f"{name}_loss": loss}

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            logits = scores(critic, forward.code.with_gradient_to(self.gradient_to).whole)
        ratio = logits.mean()
        return ratio, {f"{self.critic_name}_log_ratio": ratio}

    def _shuffled(self, forward: Forward) -> tuple[Code, Tensor]:
        """This process's codes with z2 of other images, and which of its frames (b,) take part."""
        if self.shuffle == "marginal":
            shuffled = forward.shuffled()
            return shuffled, torch.ones(len(shuffled), device=shuffled.whole.device)
        alike = same_pattern(forward.head.active_labels(forward.all_labels))
        order, taken = partners(alike, forward.uniform(*alike.shape))
        codes = forward.all_codes.shuffled(order)
        return forward.own(codes), taken[forward.batch.part]


def logistic_loss(joint: Tensor, apart: Tensor, taken: Tensor) -> Tensor:
    """-log p(joint | joint's logits) - log p(apart | apart's logits), meaned over the frames that
    take part; all (b,). 2 log 2 where the critic knows nothing.
    """
    losses = F.softplus(-joint) + F.softplus(apart)
    return (losses * taken).sum() / taken.sum().clamp(min=1)


def same_pattern(active: Tensor) -> Tensor:
    """Which pairs of frames (B, B) show the same AUs; ``active`` (B, A) is 1, 0, or NaN = unknown,
    which is a value of its own.
    """
    values = active.nan_to_num(nan=-1.0)
    return (values[:, None] == values[None]).all(dim=2)


def partners(alike: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """For each frame another one that is ``alike`` (B, B), evenly chosen by ``drawn`` (B, B) from
    [0, 1), and whether it has any (B,), as 1 or 0; one that has none is its own.
    """
    others = alike & ~torch.eye(len(alike), dtype=torch.bool, device=alike.device)
    has_any = others.any(dim=1)
    chosen = torch.where(others, drawn + 1, 0.0).argmax(dim=1)
    own = torch.arange(len(alike), device=alike.device)
    return torch.where(has_any, chosen, own), has_any.float()
