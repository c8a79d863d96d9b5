"""Wasserstein critics with gradient penalty: of codes, so that z1 and z2 share no information, and
of images, so that reconstructions are sharp. Gulrajani et al. 2017, arXiv 1704.00028.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from audetnet.config.options import Weight
from audetnet.networks.code import GradientTo
from audetnet.objectives.critic_chain import (
    ScoreGradient,
    cheapest_score_gradient,
    score_gradient,
)
from audetnet.objectives.critics import Critic, frozen, is_sample_wise, scores
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import CriticObjective, Terms, objective


@dataclass(frozen=True, kw_only=True)
class WassersteinCritic(CriticObjective):
    """``critic`` is the section of its network; ``penalty_weight`` is the weight of the gradient
    penalty in the critic's loss.
    """

    penalty_weight: Weight = 10.0
    gradient_to: GradientTo = "both"

    def examples(self, forward: Forward) -> tuple[Tensor, Tensor]:
        """(target, made) for this process's part of the batch."""
        raise NotImplementedError

    def critic_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        target, made = (example.detach() for example in self.examples(forward))
        mix = forward.uniform(forward.batch.length)[forward.batch.part]
        loss, distance, penalty = wgan_gp_loss(
            critic,
            target,
            made,
            mix,
            self.penalty_weight,
            cheapest_score_gradient(critic),
            is_sample_wise(critic),
        )
        name = self.critic_name
        terms = {f"{name}_loss": loss, f"{name}_distance": distance, f"{name}_penalty": penalty}
        return loss, terms

    def main_loss(self, forward: Forward) -> tuple[Tensor, Terms]:
        critic = forward.critic(self.critic)
        with frozen(critic):
            score = scores(critic, self.examples(forward)[1]).mean()
        return -score, {f"{self.critic_name}_made_score": score}


@objective("wgan_gp_codes")
@dataclass(frozen=True, kw_only=True)
class CodeCritic(WassersteinCritic):
    """Target: z1 with z2 of another image; made: z1 and z2 of the same image."""

    critic: str = "Discriminator"
    needs_z2 = True

    @property
    def gradients(self) -> str:
        return self.gradient_to

    def examples(self, forward: Forward) -> tuple[Tensor, Tensor]:
        return forward.shuffled().whole, forward.code.with_gradient_to(self.gradient_to).whole


@objective("wgan_gp_images")
@dataclass(frozen=True, kw_only=True)
class ImageCritic(WassersteinCritic):
    """Target: the clean image; made: its reconstruction."""

    critic: str = "Image Discriminator"
    critic_input = "images"

    @property
    def gradients(self) -> str:
        return f"decoder, {self.gradient_to}"

    def examples(self, forward: Forward) -> tuple[Tensor, Tensor]:
        return forward.image, forward.reconstruction(self.gradient_to)


def gradient_penalty(
    critic: Critic,
    target: Tensor,
    made: Tensor,
    mix: Tensor,
    gradient_of: ScoreGradient = score_gradient,
) -> Tensor:
    """Mean over samples of (||grad_x D(x)||_2 - 1)^2 at x = mix * target + (1 - mix) * made.

    Two-sided; ``mix`` (B,) is uniform in [0, 1]. The norm is per sample, over all dimensions but
    the batch. Differentiable with respect to the critic's parameters.
    """
    weights = mix.view(-1, *[1] * (target.dim() - 1))
    gradient = gradient_of(critic, weights * target + (1 - weights) * made)
    norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    penalty: Tensor = ((norms - 1) ** 2).mean()
    return penalty


def wgan_gp_loss(
    critic: Critic,
    target: Tensor,
    made: Tensor,
    mix: Tensor,
    penalty_weight: float,
    gradient_of: ScoreGradient = score_gradient,
    sample_wise: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """A critic's loss: mean D(made) - mean D(target) + penalty_weight * penalty.

    Returns (loss, distance, penalty), where distance = mean D(target) - mean D(made) estimates the
    Wasserstein distance between the two. ``target`` and ``made`` must be detached.
    ``sample_wise``: samples are scored independently, so both can be scored in one call.
    """
    if sample_wise:
        target_scores, made_scores = scores(critic, torch.cat([target, made])).chunk(2)
    else:
        target_scores, made_scores = scores(critic, target), scores(critic, made)
    distance = target_scores.mean() - made_scores.mean()
    penalty = gradient_penalty(critic, target, made, mix, gradient_of)
    return penalty_weight * penalty - distance, distance, penalty
