"""Swap consistency: its error, where its gradient goes, and which statistics are kept."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from audetnet.distributed.batch_norm import SynchronisedBatchNorm
from audetnet.distributed.world import World
from audetnet.networks.code import Code
from audetnet.networks.description import describe
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import objectives_of
from audetnet.objectives.swap_consistency import frozen_running_stats, reencode, relative_error
from tests.config.cfg_texts import replaced
from tests.objectives.conftest import drawn, objectives_cfg


def _cfg(options: str = "") -> str:
    return objectives_cfg(f"[swap_consistency]\n{options}")


def test_the_error_is_relative_to_the_variance() -> None:
    every = drawn(9, 3, 1, 1)
    assert relative_error(every, every, every).item() == 0
    mean = every.mean(dim=0).expand_as(every)
    assert relative_error(mean, every, every).item() == pytest.approx(1)
    assert relative_error(5 * mean, 5 * every, 5 * every).item() == pytest.approx(1)
    others = relative_error(every.roll(1, 0), every, every).item()
    distances = (every - every.roll(1, 0)).square().sum().item()
    assert others == pytest.approx(distances / (every.var(dim=0).sum().item() * 8))


def test_constant_codes_have_a_finite_error() -> None:
    same = torch.ones(4, 2, 1, 1)
    assert relative_error(same, same, same).item() == 0


def test_gradients_equal_central_differences() -> None:
    wanted = drawn(5, 3)
    found = drawn(5, 3, seed=1).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: relative_error(x, wanted, wanted), (found,))


@pytest.mark.parametrize(
    ("options", "blocks"),
    [("", ["z2"]), ("gradient_to=z1", ["z1"]), ("gradient_to=both", ["z1", "z2"])],
)
def test_the_loss_and_what_it_reaches(
    options: str,
    blocks: list[str],
    planned: Callable[[str], ModelPlan],
    forward: Callable[..., Forward],
) -> None:
    """By hand: z1 of each, z2 of the one before it (the roll is 1). The Encoder is only reached
    through the codes: none of its weights is, where these are given.
    """
    plan = planned(_cfg(options))
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    leaf = made.code.whole.detach().requires_grad_(True)
    made.code = code = Code(leaf, plan.z1_channels)
    loss, terms = objective.main_loss(made)
    exchanged = Code.of(code.z1, code.z2.roll(1, 0)).detach()
    again = made.model.encode((made.model.decode(exchanged) + 1) / 2)
    errors = [
        ((a - b) ** 2).sum() / ((b - b.mean(dim=0)) ** 2).sum()
        for a, b in ((again.z1, exchanged.z1), (again.z2, exchanged.z2))
    ]
    assert [term.item() for term in terms.values()] == pytest.approx([e.item() for e in errors])
    assert list(terms) == ["swap_z1_error", "swap_z2_error"]
    assert loss.item() == pytest.approx(sum(errors).item())
    loss.backward()
    assert leaf.grad is not None
    reached = Code(leaf.grad, plan.z1_channels)
    assert ["z1"] * bool(reached.z1.any()) + ["z2"] * bool(reached.z2.any()) == blocks
    assert all(parameter.grad is None for parameter in made.model.encoder.parameters())
    assert all(parameter.grad is not None for parameter in made.model.decoder.parameters())
    assert all(parameter.requires_grad for parameter in made.model.parameters())


def test_a_swapped_image_uses_the_reference_of_its_z2_person(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """The person goes with z2: of the one before it (the roll is 1). Without people, the mean."""
    first = "[convolutional]\nfilters=4\nkernel_size=8"
    plan = planned(replaced(_cfg(), (first, f"[person_reference]\n{first}")))
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    made.rest = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(6))
    exchanged = made.shuffled().detach()
    _, terms = objective.main_loss(made)
    found = [term.item() for term in terms.values()]
    picture = (made.model.decode(exchanged) + 1) / 2

    def errors(rest: Tensor | None) -> list[float]:
        with frozen_running_stats(made.model.encoder):
            again = made.model.encode(picture, rest)
        pairs = ((again.z1, exchanged.z1, "z1"), (again.z2, exchanged.z2, "z2"))
        return [relative_error(a, b, getattr(made.all_codes, z)).item() for a, b, z in pairs]

    assert found == pytest.approx(errors(made.rest.roll(1, 0)))
    assert found != pytest.approx(errors(made.rest), rel=1e-3)
    plain = forward(plan)
    assert plain.shuffled_rest is None


def test_z2_learns_from_the_images_it_was_swapped_into(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """Central differences with respect to elements of z2, with fixed target codes."""
    plan = planned(_cfg())
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    (gradient,) = torch.autograd.grad(objective.main_loss(made)[0], made.code.whole)
    wanted, every = made.shuffled(), made.all_codes

    def loss_at(row: int, change: float) -> float:
        other = made.code.whole.detach().clone()
        other[row, -1] += change
        exchanged = Code(other, plan.z1_channels).shuffled(torch.arange(8).roll(1))
        with torch.no_grad():
            again = reencode(made, exchanged)
        z1 = relative_error(again.z1, wanted.z1, every.z1)
        return float(z1 + relative_error(again.z2, wanted.z2, every.z2))

    expected = [(loss_at(row, 0.01) - loss_at(row, -0.01)) / 0.02 for row in range(8)]
    assert gradient[:, -1].flatten().tolist() == pytest.approx(expected, abs=2e-4)
    assert max(map(abs, expected)) > 0.01


def test_running_statistics_are_those_of_real_images(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    plan = planned(_cfg())
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    assert made.code.whole.requires_grad
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    objective.main_loss(made)
    after = made.model.state_dict()
    assert [name for name in before if "running" in name]
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_frozen_layers_stay_as_they_are() -> None:
    learning, frozen = nn.BatchNorm2d(1), nn.BatchNorm2d(1).eval()
    plain = nn.BatchNorm2d(1, track_running_stats=False)
    with frozen_running_stats(nn.Sequential(learning, frozen, plain)):
        assert not learning.track_running_stats and frozen.track_running_stats
    assert learning.track_running_stats and frozen.track_running_stats
    assert not plain.track_running_stats


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, SynchronisedBatchNorm])
def test_statistics_are_used_but_not_kept(kind: type[nn.BatchNorm2d]) -> None:
    layer, x = kind(3), torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    layer.world = World()  # type: ignore[assignment]
    with frozen_running_stats(layer):
        found = layer(x)
    assert layer.running_mean is not None and not layer.running_mean.any()
    torch.testing.assert_close(layer(x), found)
    assert layer.running_mean.any()


def test_it_says_where_gradients_go(planned: Callable[[str], ModelPlan]) -> None:
    rows = [row.split() for row in describe(planned(_cfg("weight=0.1"))).splitlines()]
    assert ["swap_consistency", "0.1", "-", "decoder,", "z2"] in rows
