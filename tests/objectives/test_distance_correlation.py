"""Distance correlation as a loss, compared with the report's and with central differences."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from torch import Tensor

from audetnet.config.language import CfgError
from audetnet.disentangling.matrix_correlation import u_centred
from audetnet.networks.model_plan import ModelPlan
from audetnet.objectives.distance_correlation import (
    MIN_FRAMES,
    DistanceCorrelation,
    squared_distance_correlation,
)
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import objectives_of
from tests.objectives.conftest import drawn, objectives_cfg

BLOCK = "[distance_correlation]\nof={}\n"


def _reference(x: Tensor, y: Tensor) -> float:
    a, b = (u_centred(squareform(pdist(z.numpy()))) for z in (x, y))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize("count", [MIN_FRAMES, 5, 40])
def test_it_is_the_bias_corrected_correlation_of_distances(count: int) -> None:
    x = drawn(count, 3)
    y = torch.cat([x[:, :1] ** 2, drawn(count, 1, seed=1)], dim=1)
    assert squared_distance_correlation(x, y).item() == pytest.approx(_reference(x, y), abs=1e-12)


def test_a_copy_has_correlation_one_and_independence_none_on_average() -> None:
    x = drawn(30, 4)
    assert squared_distance_correlation(x, 3 * x + 1).item() == pytest.approx(1, abs=1e-12)
    values = [
        squared_distance_correlation(drawn(30, 4, seed=2 * s), drawn(30, 8, seed=2 * s + 1)).item()
        for s in range(200)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_gradients_equal_central_differences() -> None:
    x, y = drawn(6, 2).requires_grad_(True), drawn(6, 3, seed=1).requires_grad_(True)
    assert torch.autograd.gradcheck(squared_distance_correlation, (x, y))


@pytest.mark.parametrize(
    "y",
    [torch.ones(8, 2, dtype=torch.float64), torch.zeros(8, 0, dtype=torch.float64)],
    ids=["constant", "empty"],
)
def test_constant_inputs_give_zero_with_a_finite_gradient(y: Tensor) -> None:
    x = drawn(8, 2).requires_grad_(True)
    value = squared_distance_correlation(x, y)
    value.backward()
    assert value.item() == 0
    assert x.grad is not None and bool(x.grad.isfinite().all())


def test_equal_rows_have_a_finite_gradient() -> None:
    """The derivative of a distance of 0 would be infinite if it were not excluded."""
    x = torch.cat([drawn(4, 2), drawn(4, 2)]).requires_grad_(True)
    squared_distance_correlation(x, drawn(8, 3, seed=1)).backward()
    assert x.grad is not None and bool(x.grad.isfinite().all())


def test_fewer_frames_than_it_needs_count_as_zero() -> None:
    assert squared_distance_correlation(drawn(3, 2), drawn(3, 2, seed=1)).item() == 0


@pytest.mark.parametrize(
    ("block", "blocks"),
    [
        ("of=z1,z2", ["z2"]),
        ("of=z1, z2\ngradient_to=both", ["z1", "z2"]),
        ("of=z1,z2\ngradient_to=z1", ["z1"]),
        ("of=z2,labels", ["z2"]),
    ],
)
def test_only_the_named_blocks_get_a_gradient(
    block: str,
    blocks: list[str],
    planned: Callable[[str], ModelPlan],
    forward: Callable[..., Forward],
) -> None:
    plan = planned(objectives_cfg(f"[distance_correlation]\n{block}"))
    (_, objective) = objectives_of(plan)
    made = forward(plan)
    loss, terms = objective.main_loss(made)
    (gradient,) = torch.autograd.grad(loss, made.code.whole)
    z1 = plan.z1_channels
    assert ["z1"] * bool(gradient[:, :z1].any()) + ["z2"] * bool(gradient[:, z1:].any()) == blocks
    code = made.code.detach()
    sides = {"z1": code.z1, "z2": code.z2, "labels": made.batch.labels}
    assert isinstance(objective, DistanceCorrelation)
    expected = _reference(*(sides[side].flatten(1).double() for side in objective.of))
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    assert list(terms) == [f"distance_correlation_{'_'.join(objective.of)}"]


def test_unknown_labels_are_ignored(
    planned: Callable[[str], ModelPlan], forward: Callable[..., Forward]
) -> None:
    """The gradient is finite, and an AU without known labels changes nothing."""
    plan = planned(objectives_cfg(BLOCK.format("z2,labels")))
    (_, objective) = objectives_of(plan)
    labels = torch.tensor([[0, 1, float("nan")], [1, 1, float("nan")]] * 4)
    labels[0, 0] = float("nan")
    loss, _ = objective.main_loss(forward(plan, labels))
    without, _ = objective.main_loss(forward(plan, labels.nan_to_num(0) * torch.tensor([1, 1, 0])))
    assert bool(loss.isfinite())
    whole = labels.clone()
    whole[0, 0] = labels[1:, 0].mean()
    (gradient,) = torch.autograd.grad(
        loss, [*forward(plan).model.parameters()][:1] or [loss], allow_unused=True
    )
    assert gradient is None
    assert without.item() != pytest.approx(loss.item(), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("of=z1,labels", ["of=", "z1,z2 or z2,labels"]),
        ("of=z2,z1", ["of=", "z1,z2 or z2,labels"]),
        ("of=z2,labels\ngradient_to=both", ["of=z2,labels", "only has a gradient to z2"]),
        ("of=z1", ["of=z1", "2 values"]),
        ("of=z1,z2\nweight=-1", ["weight=-1", "at least 0"]),
        ("of=z1,z2\nramps=3", ["unknown option 'ramps'", "ramp_epochs"]),
        ("weight=1", ["missing option 'of'"]),
    ],
)
def test_mistakes_name_their_line(
    options: str, words: list[str], planned: Callable[[str], ModelPlan]
) -> None:
    with pytest.raises(CfgError) as caught:
        planned(objectives_cfg(f"[distance_correlation]\n{options}"))
    message = str(caught.value)
    assert "a.cfg:" in message and "[distance_correlation]" in message
    assert all(word in message for word in words), message
