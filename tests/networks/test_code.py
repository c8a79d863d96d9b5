"""z1 is the first channels of a code, in one place."""

import pytest
import torch

from audetnet.networks.code import Code, GradientTo

WHOLE = torch.arange(24.0).view(4, 3, 2, 1)


def test_blocks_are_the_first_channels_and_the_rest() -> None:
    code = Code(WHOLE, 1)
    assert torch.equal(code.z1, WHOLE[:, :1]) and torch.equal(code.z2, WHOLE[:, 1:])
    assert len(code) == 4
    again = Code.of(code.z1, code.z2)
    assert torch.equal(again.whole, WHOLE) and again.z1_channels == 1


def test_a_code_without_z2() -> None:
    assert Code(WHOLE, 3).z2.shape == (4, 0, 2, 1)


def test_pooling_is_the_mean_over_positions() -> None:
    pooled = Code(WHOLE, 1).pooled()
    assert torch.equal(pooled.whole, WHOLE.mean(dim=(2, 3)))
    assert pooled.z1.shape == (4, 1)


@pytest.mark.parametrize(
    ("blocks", "reached"), [("both", [True, True]), ("z1", [True, False]), ("z2", [False, True])]
)
def test_gradients_reach_the_named_blocks_only(blocks: GradientTo, reached: list[bool]) -> None:
    whole = WHOLE.clone().requires_grad_(True)
    routed = Code(whole, 1).with_gradient_to(blocks)
    assert torch.equal(routed.whole, WHOLE)
    (gradient,) = torch.autograd.grad(routed.whole.square().sum(), whole)
    assert [bool(gradient[:, :1].any()), bool(gradient[:, 1:].any())] == reached


def test_shuffling_exchanges_z2_alone() -> None:
    shuffled = Code(WHOLE, 1).shuffled(torch.tensor([1, 2, 3, 0]))
    assert torch.equal(shuffled.z1, WHOLE[:, :1])
    assert torch.equal(shuffled.z2, WHOLE[[1, 2, 3, 0], 1:])
