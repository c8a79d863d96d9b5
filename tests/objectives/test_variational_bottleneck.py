"""The bottleneck on z1: its divergence, and the noise that all networks read."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from audetnet.config.language import CfgError
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.forward import BatchDraws, Forward
from audetnet.objectives.objective import objectives_of
from audetnet.objectives.variational_bottleneck import divergence
from tests.config.cfg_texts import replaced
from tests.objectives.conftest import objectives_cfg

CFG = objectives_cfg("[variational_bottleneck]\nweight=0.003")


def _noisy(forward: Forward, draws: int = 5) -> Forward:
    generator = torch.Generator().manual_seed(draws)
    return replace(forward, noise_in_z1=True, draws=BatchDraws(1, generator))


def test_it_is_the_divergence_of_gaussians() -> None:
    means = torch.randn(5, 3, 2, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Normal(means, 1.0), Normal(0.0, 1.0)).sum(dim=(1, 2, 3))
    torch.testing.assert_close(divergence(means), expected)
    assert torch.autograd.gradcheck(divergence, (means.requires_grad_(True),))


def test_the_loss_is_that_of_the_mean_and_reaches_z1_alone(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    made = _noisy(forward(plan))
    loss, terms = objective.main_loss(made)
    assert loss.item() == pytest.approx(made.encoded.z1.square().sum().item() / 2 / 8)
    assert terms == {"bottleneck_nats": loss}
    (gradient,) = torch.autograd.grad(loss, made.encoded.whole)
    z1 = plan.z1_channels
    torch.testing.assert_close(gradient[:, :z1], made.encoded.z1 / 8)
    assert not gradient[:, z1:].any()


def test_all_networks_read_z1_with_noise_and_z2_as_it_is(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(CFG)
    made = forward(plan)
    noise = torch.cat([_noisy(made, n).code.z1 - made.code.z1 for n in range(500)])
    assert noise.mean().abs() < 0.05
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    noisy = _noisy(made)
    assert torch.equal(noisy.code.z2, made.code.z2)
    assert torch.equal(_noisy(made).code.z1, noisy.code.z1)
    torch.testing.assert_close(noisy.outputs, made.model.predict(noisy.code))
    torch.testing.assert_close(noisy.reconstruction(), made.model.decode(noisy.code))
    assert torch.equal(noisy.all_codes.whole, noisy.code.whole)


def test_without_it_nothing_is_drawn(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    made = forward(planned(objectives_cfg("[reconstruction]")))
    before = made.draws.generator.get_state()
    assert made.code is made.encoded
    assert torch.equal(made.draws.generator.get_state(), before)


@pytest.mark.parametrize(
    "blocks",
    [
        "[connected]\noutput_features=6\n[batch_norm]\nnum_features=6\naffine=False\n",
        "[connected]\noutput_features=2\n[batch_norm]\nnum_features=2\naffine=False\n"
        "[connected]\noutput_features=4\n[combine_concat]\ncombine_layers=2,3\n",
    ],
    ids=["of the code", "of a branch"],
)
def test_a_z1_whose_scale_is_fixed_is_refused(
    blocks: str, planned: Callable[[str], ModelPlan]
) -> None:
    """Its divergence would be a constant; with a learned scale it is not."""
    text = replaced(CFG, ("[connected]\noutput_features=6\n", blocks))
    with pytest.raises(CfgError) as caught:
        planned(text)
    message, line = str(caught.value), text[: text.index("[batch_norm]")].count("\n") + 1
    assert "[variational_bottleneck]" in message
    assert f"[batch_norm] on line {line}" in message and "affine=True" in message
    assert len(objectives_of(planned(text.replace("affine=False", "affine=True")))) == 2
