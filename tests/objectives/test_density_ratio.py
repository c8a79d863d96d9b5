"""The logistic critic of codes: its loss, its shuffled pairs, and where its gradient goes."""

from collections.abc import Callable
from math import log

import pytest
import torch

from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.critics import scores
from audetnet.objectives.density_ratio import logistic_loss, partners, same_pattern
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import objectives_of
from tests.objectives.conftest import objectives_cfg

NAN = float("nan")


def _cfg(options: str = "") -> str:
    return objectives_cfg(
        f"[density_ratio]\ncritic=Ratio Discriminator\n{options}", critics=("Ratio Discriminator",)
    )


def test_an_uninformed_critic_has_a_loss_of_two_log_two() -> None:
    zeros = torch.zeros(5, dtype=torch.float64)
    assert logistic_loss(zeros, zeros, torch.ones(5)).item() == pytest.approx(2 * log(2))


def test_the_loss_in_closed_form() -> None:
    """Logits of log 3 and -log 3: right with probability 3/4 on both sides."""
    right = torch.full((2,), log(3), dtype=torch.float64)
    assert logistic_loss(right, -right, torch.ones(2)).item() == pytest.approx(2 * log(4 / 3))
    taken = torch.tensor([1.0, 0.0])
    mixed = torch.tensor([log(3), 50.0], dtype=torch.float64)
    assert logistic_loss(mixed, -mixed, taken).item() == pytest.approx(2 * log(4 / 3))


def test_its_gradients_equal_central_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    joint, apart = torch.randn(2, 6, dtype=torch.float64, generator=generator)
    taken = torch.tensor([1, 1, 0, 1, 0, 1], dtype=torch.float64)
    joint.requires_grad_(True)
    apart.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda a, b: logistic_loss(a, b, taken), (joint, apart))


def test_frames_match_if_all_their_aus_do() -> None:
    active = torch.tensor([[1, 0], [1, 0], [1, NAN], [1, NAN], [0, 0]])
    alike = same_pattern(active)
    assert alike.int().tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_partners_are_others_of_the_same_pattern_evenly() -> None:
    alike = torch.block_diag(torch.ones(3, 3), torch.ones(1, 1)).bool()
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(4, 4)
    for _ in range(300):
        order, taken = partners(alike, torch.rand(4, 4, generator=generator))
        counts[torch.arange(4), order] += 1
        assert taken.tolist() == [1, 1, 1, 0]
    assert counts[3].tolist() == [0, 0, 0, 300]
    inner = counts[:3, :3]
    assert bool((inner.diag() == 0).all())
    assert bool(((inner > 110) | torch.eye(3).bool()).all())


@pytest.mark.parametrize(
    ("options", "reached"),
    [("", [True, True]), ("gradient_to=z2", [False, True]), ("gradient_to=z1", [True, False])],
)
def test_the_main_loss_is_the_mean_logit_of_real_pairs(
    options: str,
    reached: list[bool],
    planned: Callable[[str], ModelPlan],
    forward: Callable[..., Forward],
) -> None:
    plan = planned(_cfg(options))
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    loss, terms = objective.main_loss(made)
    critic = made.critic("Ratio Discriminator")
    expected = scores(critic, made.code.whole).mean().item()
    assert loss.item() == pytest.approx(expected)
    assert terms["ratio_discriminator_log_ratio"] is loss
    (gradient,) = torch.autograd.grad(loss, made.code.whole, retain_graph=True)
    z1 = plan.z1_channels
    assert [bool(gradient[:, :z1].any()), bool(gradient[:, z1:].any())] == reached
    loss.backward()
    assert all(parameter.grad is None for parameter in critic.parameters())


@pytest.mark.parametrize("shuffle", ["marginal", "within_pattern"])
def test_the_critic_learns_from_pairs_of_the_whole_batch(
    shuffle: str, planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """Its loss by hand; no gradient reaches the encoder."""
    plan = planned(_cfg(f"shuffle={shuffle}"))
    (_, objective) = objectives_of(plan)
    labels = torch.tensor([[0.0, 0, 1]] * 4 + [[1.0, 1, 0]] * 3 + [[0.0, 1, 0]])
    made = forward(plan, labels)
    loss, _ = objective.critic_loss(made)
    loss.backward()
    critic = made.critic("Ratio Discriminator")
    assert all(parameter.grad is not None for parameter in critic.parameters())
    assert all(parameter.grad is None for parameter in made.model.encoder.parameters())
    again = forward(plan, labels)
    code = again.code.detach()
    if shuffle == "marginal":
        order, taken = torch.arange(8).roll(1), torch.ones(8)
    else:
        order, taken = partners(same_pattern(labels), again.uniform(8, 8))
        assert taken.tolist() == [1] * 7 + [0]
    critic = again.critic("Ratio Discriminator")
    with torch.no_grad():
        apart = scores(critic, code.shuffled(order).whole)
        expected = logistic_loss(scores(critic, code.whole), apart, taken)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_batch_without_pairs_has_no_gradient(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(_cfg("shuffle=within_pattern"))
    (_, objective) = objectives_of(plan)
    patterns = torch.tensor([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)]).float()
    loss, _ = objective.critic_loss(forward(plan, patterns))
    assert loss.item() == 0
