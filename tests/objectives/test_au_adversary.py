"""The adversary that predicts AUs from z2: its critic's gain and the encoder's loss."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, kl_divergence

from audetnet.config.language import CfgError
from audetnet.networks.au_head import AUHead
from audetnet.networks.model_plan import ModelPlan
from audetnet.networks.outputs import check_outputs
from audetnet.objectives.au_adversary import excess_loss
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Terms, objectives_of
from tests.config.cfg_texts import replaced
from tests.objectives.conftest import drawn, objectives_cfg

CFG = objectives_cfg("[au_adversary]\ncritic=AU Discriminator", critics=("AU Discriminator",))
OCCURRENCE = AUHead("BCEWithLogits", False, 1.0)
INTENSITY = AUHead("MSE", True, 2.0)
NAN = float("nan")


def test_the_excess_in_closed_form() -> None:
    outputs, means = drawn(5, 3), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    expected = Bernoulli(means.expand(5, 3))
    divergence = kl_divergence(expected, Bernoulli(logits=outputs)).mean()
    torch.testing.assert_close(excess_loss(OCCURRENCE, outputs, means), divergence)
    squares = ((outputs - means) ** 2).mean()
    torch.testing.assert_close(excess_loss(INTENSITY, outputs, means), squares)


@pytest.mark.parametrize("head", [OCCURRENCE, INTENSITY], ids=["occurrence", "intensity"])
@pytest.mark.parametrize("means", [(0.2, 0.5), (0.0, 1.0), (NAN, 0.3), (NAN, NAN)], ids=str)
def test_it_is_least_where_the_critic_says_the_means(
    head: AUHead, means: tuple[float, float]
) -> None:
    """An AU that is never or always active has its minimum at the bound of the logits; an unknown
    AU has no loss.
    """
    target = torch.tensor(means, dtype=torch.float64)
    outputs = head.best_outputs(target.nan_to_num(0.5)).expand(4, 2).clone().requires_grad_(True)
    excess = excess_loss(head, outputs, target)
    excess.backward()
    assert excess.item() == pytest.approx(0, abs=1e-12)
    assert outputs.grad is not None and outputs.grad.abs().max().item() < 1e-5
    assert excess_loss(head, outputs + drawn(4, 2), target).item() >= 0


@pytest.mark.parametrize("head", [OCCURRENCE, INTENSITY], ids=["occurrence", "intensity"])
def test_gradients_equal_central_differences(head: AUHead) -> None:
    means = torch.tensor([0.2, NAN, 0.9], dtype=torch.float64)
    outputs = drawn(4, 3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: excess_loss(head, x, means), (outputs,))


def test_the_critic_learns_by_the_au_loss_and_reaches_nothing_else(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """The gain is relative to predicting the means; unknown labels are ignored in both."""
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    labels = torch.tensor([[1, 0, NAN], [0, 0, NAN], [NAN, 1, NAN], [1, 0, NAN]] * 2)
    made = forward(plan, labels)
    loss, terms = objective.critic_loss(made)
    loss.backward()
    critic = made.critic("AU Discriminator")
    assert all(parameter.grad is not None for parameter in critic.parameters())
    assert all(parameter.grad is None for parameter in made.model.encoder.parameters())
    expected = made.head.loss(critic(made.code.z2).flatten(1), labels)
    assert loss.item() == pytest.approx(expected.item())
    entropy = (6 * Bernoulli(2 / 3).entropy() + 8 * Bernoulli(1 / 4).entropy()) / 14
    assert terms["au_discriminator_gain"].item() == pytest.approx((entropy - loss).item(), abs=1e-6)


def test_the_main_loss_reaches_z2_alone(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    loss, terms = objective.main_loss(made)
    assert terms == {"au_discriminator_excess": loss} and loss.item() > 0
    (gradient,) = torch.autograd.grad(loss, made.code.whole, retain_graph=True)
    z1 = plan.z1_channels
    assert not gradient[:, :z1].any() and gradient[:, z1:].any()
    loss.backward()
    critic = made.critic("AU Discriminator")
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert all(parameter.requires_grad for parameter in critic.parameters())


def test_the_two_play_against_each_other(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """The critic finds the AUs in z2; then the encoder removes them from what that critic sees."""
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    first = forward(plan)

    def again() -> Forward:
        return replace(first, _reconstructions={})

    def learn(network: nn.Module, loss: Callable[[Forward], tuple[Tensor, Terms]]) -> float:
        optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(60):
            optimiser.zero_grad()
            loss(again())[0].backward()
            optimiser.step()
        return objective.critic_loss(again())[1]["au_discriminator_gain"].item()

    assert learn(first.critic("AU Discriminator"), objective.critic_loss) > 0.05
    assert learn(first.model.encoder, objective.main_loss) < 0.01


@pytest.mark.parametrize(
    ("outputs", "place", "words"),
    [
        ("4", "output_features=4", ["4x1x1", "3x1x1", "AU1, AU2, AU4", "output_features=3"]),
        ("3\n[upsample]\nscale_factor=2", "[upsample]", ["3x2x2", "3x1x1"]),
    ],
    ids=["another number", "several positions"],
)
def test_a_critic_has_an_output_for_each_au(
    outputs: str, place: str, words: list[str], planned: Callable[[str], ModelPlan]
) -> None:
    names = ("AU1", "AU2", "AU4")
    check_outputs(planned(CFG), names, 2, None)
    head, section, critic = CFG.partition("{AU Discriminator}")
    text = head + section + replaced(critic, ("features=3", f"features={outputs}"))
    line = text[: text.rindex(place)].count("\n") + 1
    with pytest.raises(CfgError) as caught:
        check_outputs(planned(text), names, 2, None)
    message = str(caught.value)
    assert f"a.cfg:{line}: " in message and "{AU Discriminator}" in message
    assert all(word in message for word in ["[au_adversary]", *words]), message
