"""The adversary that identifies people from z1: its critic's gain and the encoder's loss."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from audetnet.commands.train import main
from audetnet.config.language import CfgError
from audetnet.networks.model_plan import ModelPlan
from audetnet.networks.outputs import check_outputs
from audetnet.objectives.forward import Forward
from audetnet.objectives.identity_adversary import divergence, people_shares
from audetnet.objectives.objective import objectives_of
from tests.conftest import ROOT
from tests.objectives.all_objectives import with_objectives
from tests.objectives.conftest import drawn, objectives_cfg

CFG = objectives_cfg(
    "[identity_adversary]\ncritic=Identity Discriminator", critics=("Identity Discriminator",)
)


def test_the_divergence_in_closed_form() -> None:
    outputs, shares = drawn(5, 3), torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    expected = kl_divergence(Categorical(shares.expand(5, 3)), Categorical(logits=outputs)).mean()
    torch.testing.assert_close(divergence(outputs, shares), expected)


def test_it_is_least_where_the_critic_says_the_shares() -> None:
    shares = people_shares(torch.tensor([0, 2, 2, 2]), 4).double()
    assert shares.tolist() == [0.25, 0, 0.75, 0]
    outputs = shares.clamp(min=1e-12).log().expand(3, 4).clone().requires_grad_(True)
    excess = divergence(outputs, shares)
    excess.backward()
    assert excess.item() == pytest.approx(0, abs=1e-9)
    assert outputs.grad is not None and outputs.grad.abs().max().item() < 1e-9


def test_gradients_equal_central_differences() -> None:
    shares = torch.tensor([0.2, 0.0, 0.8], dtype=torch.float64)
    outputs = drawn(4, 3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: divergence(x, shares), (outputs,))


def test_the_critic_learns_by_cross_entropy_and_reaches_nothing_else(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """Two frames of each of four people: an uninformed critic has a loss of log 4."""
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    loss, terms = objective.critic_loss(made)
    loss.backward()
    critic = made.critic("Identity Discriminator")
    assert all(parameter.grad is not None for parameter in critic.parameters())
    assert all(parameter.grad is None for parameter in made.model.encoder.parameters())
    expected = F.cross_entropy(critic(made.code.z1).flatten(1), torch.arange(8) // 2)
    assert loss.item() == pytest.approx(expected.item())
    gain = torch.tensor(4.0).log() - expected
    assert terms["identity_discriminator_gain"].item() == pytest.approx(gain.item(), abs=1e-6)


def test_the_main_loss_reaches_z1_alone(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(CFG)
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    loss, terms = objective.main_loss(made)
    assert terms == {"identity_discriminator_excess": loss} and loss.item() > 0
    (gradient,) = torch.autograd.grad(loss, made.code.whole, retain_graph=True)
    z1 = plan.z1_channels
    assert gradient[:, :z1].any() and not gradient[:, z1:].any()
    loss.backward()
    critic = made.critic("Identity Discriminator")
    assert all(parameter.grad is None for parameter in critic.parameters())


def test_a_critic_has_an_output_for_each_person(planned: Callable[[str], ModelPlan]) -> None:
    names = ("AU1", "AU2", "AU4")
    check_outputs(planned(CFG), names, 4, None)
    line = CFG[: CFG.rindex("output_features=4")].count("\n") + 1
    with pytest.raises(CfgError) as caught:
        check_outputs(planned(CFG), names, 9, None)
    words = ["{Identity Discriminator}", "4x1x1", "9x1x1", "9 people", "write output_features=9"]
    assert f"a.cfg:{line}: " in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "who"), [(".*", "a different person each"), ("SN", "one person")]
)
def test_data_that_do_not_know_people_are_refused(
    pattern: str, who: str, minimal_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, cfg = tmp_path / "data", tmp_path / "a.cfg"
    shutil.copytree(minimal_data, data, ignore=shutil.ignore_patterns("cache"))
    described = json.loads((data / "dataset.json").read_text()) | {"subject_pattern": pattern}
    (data / "dataset.json").write_text(json.dumps(described))
    cfg.write_text(with_objectives((ROOT / "cfg" / "minimal.cfg").read_text()))
    assert main(["--cfg", str(cfg), "--data", str(data), "--run", str(tmp_path / "run")]) == 2
    (line,) = [row for row in capsys.readouterr().err.splitlines() if "warning" not in row]
    assert "a.cfg:" in line and "[identity_adversary]" in line and who in line
    assert "subject_pattern" in line and not (tmp_path / "run").exists()
