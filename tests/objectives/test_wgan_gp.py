"""The critic's loss against closed forms and central differences, in float64."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from audetnet.objectives.wgan_gp import gradient_penalty, wgan_gp_loss

BATCH, LAMBDA, STEP = 5, 10.0, 1e-6


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=_generator(seed))


def _smooth_critic() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 2, stride=2), nn.Sigmoid()
    ).double()


def test_critic_loss_of_a_linear_critic_has_a_closed_form() -> None:
    """D(x) = w x + b: distance w (mean target - mean made), penalty (|w| - 1)^2 at any mix."""
    critic = nn.Linear(6, 1).double()
    target, made = _draw(BATCH, 6, seed=1), _draw(BATCH, 6, seed=2)
    loss, distance, penalty = wgan_gp_loss(
        critic, target, made, torch.rand(BATCH, dtype=torch.float64), LAMBDA
    )
    loss.backward()
    w = critic.weight.detach()[0]
    difference = target.mean(0) - made.mean(0)
    torch.testing.assert_close(distance.detach(), w @ difference)
    torch.testing.assert_close(penalty.detach(), (w.norm() - 1) ** 2)
    torch.testing.assert_close(loss.detach(), LAMBDA * (w.norm() - 1) ** 2 - w @ difference)
    expected = LAMBDA * 2 * (w.norm() - 1) * w / w.norm() - difference
    assert critic.weight.grad is not None and critic.bias.grad is not None
    torch.testing.assert_close(critic.weight.grad[0], expected)
    torch.testing.assert_close(critic.bias.grad, torch.zeros_like(critic.bias))


def _numeric_gradient(function: Callable[[], float], values: Tensor) -> Tensor:
    """Central differences of a function of a tensor, perturbed in place."""
    result = torch.zeros_like(values)
    flat, out = values.view(-1), result.view(-1)
    for index in range(flat.numel()):
        original = flat[index].item()
        flat[index] = original + STEP
        above = function()
        flat[index] = original - STEP
        below = function()
        flat[index] = original
        out[index] = (above - below) / (2 * STEP)
    return result


def test_penalty_norm_is_per_sample_over_all_other_dimensions() -> None:
    """The penalty from central differences of the score with respect to the mixed sample."""
    critic = _smooth_critic()
    target, made = _draw(BATCH, 2, 4, 4, seed=1), _draw(BATCH, 2, 4, 4, seed=2)
    mix = torch.rand(BATCH, dtype=torch.float64, generator=_generator(3))
    between = mix.view(-1, 1, 1, 1) * target + (1 - mix.view(-1, 1, 1, 1)) * made

    def total() -> float:
        with torch.no_grad():
            return float(critic(between).flatten(1).mean(1).sum())

    norms = _numeric_gradient(total, between).flatten(1).norm(dim=1)
    penalty = gradient_penalty(critic, target, made, mix)
    torch.testing.assert_close(penalty.detach(), ((norms - 1) ** 2).mean(), rtol=1e-7, atol=1e-9)


def test_critic_gradients_equal_central_differences() -> None:
    """Every parameter's gradient, through the penalty's double backward."""
    critic = _smooth_critic()
    target, made = _draw(BATCH, 2, 4, 4, seed=1), _draw(BATCH, 2, 4, 4, seed=2)
    mix = torch.rand(BATCH, dtype=torch.float64, generator=_generator(3))

    def loss() -> Tensor:
        return wgan_gp_loss(critic, target, made, mix, LAMBDA)[0]

    loss().backward()
    for parameter in critic.parameters():
        assert parameter.grad is not None
        expected = _numeric_gradient(lambda: loss().item(), parameter.data)
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-7)


def test_critic_loss_falls_when_target_scores_rise() -> None:
    """The sign: critics score targets high and what was made low."""
    critic = nn.Linear(1, 1, bias=False).double()
    critic.weight.data.fill_(1.0)
    ones = torch.ones(4, 1, dtype=torch.float64)
    mix = torch.full((4,), 0.5, dtype=torch.float64)
    loss, distance, penalty = wgan_gp_loss(critic, 3 * ones, ones, mix, LAMBDA)
    assert (loss.item(), distance.item(), penalty.item()) == (-2.0, 2.0, 0.0)
