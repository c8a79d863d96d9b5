"""The mathematics of training, on tensors alone.

Legend: B images of a batch, A AUs, C channels of the code. A critic scores what it should like
(target) high and what the main network made (made) low; the main network raises the score of what
it made.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Critic = Callable[[Tensor], Tensor]
ScoreGradient = Callable[[Critic, Tensor], Tensor]
"""The gradient of a critic's summed scores with respect to its input."""


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean of the values where ``known`` is True; 0, without a gradient, where nothing is known."""
    total = torch.where(known, values, torch.zeros_like(values)).sum()
    return total / known.sum().clamp(min=1)


def masked_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error over the known (not NaN) of the (B, A) targets."""
    known = ~targets.isnan()
    return masked_mean((outputs - targets.nan_to_num()) ** 2, known)


def masked_bce_with_logits(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits (B, A) with targets in [0, 1], over the known (not NaN)
    ones.
    """
    known = ~targets.isnan()
    losses = F.binary_cross_entropy_with_logits(outputs, targets.nan_to_num(), reduction="none")
    return masked_mean(losses, known)


AU_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "MSE": masked_mse,
    "BCEWithLogits": masked_bce_with_logits,
}
RECONSTRUCTION_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "L1": F.l1_loss,
    "L2": F.mse_loss,
}


def scores(critic: Critic, x: Tensor) -> Tensor:
    """One score per sample, (B,): the mean of the critic's outputs for it."""
    return critic(x).flatten(1).mean(dim=1)


def score_gradient(critic: Critic, x: Tensor) -> Tensor:
    """d (sum of the scores) / dx, of the shape of x; differentiable with respect to the critic's
    parameters by double backward.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(scores(critic, x).sum(), x, create_graph=True)
    return gradient


def gradient_penalty(
    critic: Critic,
    target: Tensor,
    made: Tensor,
    mix: Tensor,
    gradient_of: ScoreGradient = score_gradient,
) -> Tensor:
    """Mean over samples of (||grad_x D(x)||_2 - 1)^2 at x = mix * target + (1 - mix) * made.

    Two-sided penalty of Gulrajani et al. 2017 (WGAN-GP): ``mix`` (B,) is uniform in [0, 1], the
    norm is taken per sample over all dimensions but the batch. Differentiable with respect to the
    critic's parameters.
    """
    weights = mix.view(-1, *[1] * (target.dim() - 1))
    gradient = gradient_of(critic, weights * target + (1 - weights) * made)
    norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    penalty: Tensor = ((norms - 1) ** 2).mean()
    return penalty


def critic_loss(
    critic: Critic,
    target: Tensor,
    made: Tensor,
    mix: Tensor,
    penalty_weight: float,
    gradient_of: ScoreGradient = score_gradient,
    sample_wise: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """WGAN-GP loss of a critic: mean D(made) - mean D(target) + penalty_weight * penalty.

    Returns (loss, distance, penalty), where distance = mean D(target) - mean D(made) estimates the
    Wasserstein distance between the two. ``target`` and ``made`` must carry no graph.
    ``sample_wise``: no sample's score depends on another's, so both are scored in one call.
    """
    if sample_wise:
        of_target, of_made = scores(critic, torch.cat([target, made])).chunk(2)
    else:
        of_target, of_made = scores(critic, target), scores(critic, made)
    distance = of_target.mean() - of_made.mean()
    penalty = gradient_penalty(critic, target, made, mix, gradient_of)
    return penalty_weight * penalty - distance, distance, penalty


def shuffle_pairs(code: Tensor, z1_channels: int, roll: int) -> Tensor:
    """Codes (B, C, h, w) whose z2 comes from another image: rolled by 1 <= ``roll`` < B along the
    batch.

    The batch must be in random order; then rolled pairs are draws from the product of the
    marginals.
    """
    assert 1 <= roll < code.shape[0]
    z1, z2 = code[:, :z1_channels], code[:, z1_channels:]
    return torch.cat([z1, z2.roll(roll, dims=0)], dim=1)


def gradient_norm(network: nn.Module) -> Tensor:
    """Euclidean norm of all gradients of a network's parameters, a float32 scalar on their
    device.
    """
    return torch.nn.utils.get_total_norm(
        [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    )
