"""The critics of a run. Each scores *target* high and *made* low; the main network raises the score
of what it made.

Pairs: target = shuffled (z1, z2), made = the joint (z1, z2). Images: target = the clean image, made
= its reconstruction. An absent critic is an absent entry of a list, so nothing asks "is there a
discriminator?".
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from audetnet.config.options import LossOptions
from audetnet.networks.critic_chain import cheapest_score_gradient, is_sample_wise
from audetnet.networks.graph import Graph
from audetnet.networks.losses import ScoreGradient
from audetnet.networks.model import AUDetNet


@dataclass(frozen=True)
class Forward:
    """What the main network made of a batch, or of this process's part of it."""

    image: Tensor
    """The clean image in [-1, 1], (B, 3, H, W)."""
    code: Tensor
    reconstruction: Tensor | None
    """None where nobody reads it."""
    shuffled: Tensor | None
    """Codes whose z2 comes from another image; None without a Discriminator."""


Examples = Callable[[Forward], tuple[Tensor, Tensor]]
"""(target, made) of a forward pass."""


@dataclass(frozen=True)
class Adversary:
    """A critic, what it compares, its weight in the main loss and the weight of its gradient
    penalty. ``gradient_of`` and ``sample_wise``: see critic_loss.
    """

    name: str
    critic: Graph
    examples: Examples
    reads_reconstruction: bool
    weight: float
    penalty_weight: float
    gradient_of: ScoreGradient
    sample_wise: bool


def code_pairs(forward: Forward) -> tuple[Tensor, Tensor]:
    """Shuffled pairs as target, joint pairs as made."""
    assert forward.shuffled is not None
    return forward.shuffled, forward.code


def images(forward: Forward) -> tuple[Tensor, Tensor]:
    """Clean images as target, reconstructions as made."""
    assert forward.reconstruction is not None
    return forward.image, forward.reconstruction


def adversaries(model: AUDetNet, loss: LossOptions) -> list[Adversary]:
    """The 0 to 2 adversaries of a model."""
    found = []
    if model.discriminator is not None:
        assert (
            loss.discriminator_loss_lambda is not None
            and loss.gradient_loss_lambda_discr is not None
        )
        found.append(
            Adversary(
                "discriminator",
                model.discriminator,
                code_pairs,
                False,
                loss.discriminator_loss_lambda,
                loss.gradient_loss_lambda_discr,
                cheapest_score_gradient(model.discriminator),
                is_sample_wise(model.discriminator),
            )
        )
    if model.image_discriminator is not None:
        assert (
            loss.img_discriminator_loss_lambda is not None
            and loss.gradient_loss_lambda_img_discr is not None
        )
        found.append(
            Adversary(
                "image_discriminator",
                model.image_discriminator,
                images,
                True,
                loss.img_discriminator_loss_lambda,
                loss.gradient_loss_lambda_img_discr,
                cheapest_score_gradient(model.image_discriminator),
                is_sample_wise(model.image_discriminator),
            )
        )
    return found
