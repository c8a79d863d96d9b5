"""Upsampling after the convolution's products equals upsampling before them, in float64."""

import pytest
import torch
from torch import Tensor, nn

from audetnet.networks.graph import Graph
from audetnet.networks.upsampled_convolution import pays, upsampled_convolution
from tests.networks.conftest import Planner

_CHANNELS = 32
_UPSAMPLES = {
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "nearest": nn.Upsample(size=(9, 13)),
    "bicubic": nn.Upsample(scale_factor=1.5, mode="bicubic"),
}
_CONVOLUTIONS = {
    "padded": {"kernel_size": 3, "padding": 1},
    "unpadded": {"kernel_size": 3, "padding": 0, "bias": False},
    "even, padded widely": {"kernel_size": (2, 4), "padding": (1, 3)},
}


def _gradients(output: Tensor, x: Tensor, block: nn.Module) -> list[Tensor]:
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    wanted = [x, *block.parameters()]
    return [output, *torch.autograd.grad((output * weights).sum(), wanted)]


@pytest.mark.parametrize("upsample", _UPSAMPLES.values(), ids=_UPSAMPLES)
@pytest.mark.parametrize("options", _CONVOLUTIONS.values(), ids=_CONVOLUTIONS)
def test_same_output_and_gradients(upsample: nn.Module, options: dict[str, int]) -> None:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Conv2d(_CHANNELS, 3, **options), nn.Tanh()).double()  # type: ignore[arg-type]
    assert pays(upsample, block)
    x = torch.randn(2, _CHANNELS, 5, 6, dtype=torch.float64, requires_grad=True)
    found = _gradients(upsampled_convolution(x, upsample, block), x, block)
    for value, expected in zip(found, _gradients(block(upsample(x)), x, block), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "block",
    [
        nn.Sequential(nn.Conv2d(_CHANNELS, 4, 3, padding=1)),
        nn.Sequential(nn.Conv2d(_CHANNELS, 3, 3, 2, 1)),
        nn.Sequential(nn.Conv2d(_CHANNELS, 3, 3, padding=3)),
        nn.ReLU(),
    ],
    ids=["many filters", "stride", "border wider than the kernel", "no convolution"],
)
def test_order_is_kept_where_it_does_not_pay_or_is_not_exact(block: nn.Module) -> None:
    assert not pays(_UPSAMPLES["bilinear"], block)


def test_taps_are_summed_in_float32_under_bfloat16() -> None:
    torch.manual_seed(0)
    upsample, block = _UPSAMPLES["bilinear"], nn.Sequential(nn.Conv2d(_CHANNELS, 3, 3, padding=1))
    x = torch.randn(1, _CHANNELS, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = upsampled_convolution(x, upsample, block)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, block(upsample(x)), rtol=0.02, atol=0.02)


_BLOCKS = """
[upsample]
scale_factor=2
mode=bilinear
[convolutional]
filters=3
kernel_size=3
stride=1
pad=True
activation=tanh
"""
_READ_TWICE = "[combine_concat]\ncombine_layers=-1,0\n"


@pytest.mark.parametrize(("tail", "deferred"), [("", True), (_READ_TWICE, False)])
def test_a_network_changes_the_order_unless_the_upsampled_map_has_another_reader(
    planned: Planner, tail: str, deferred: bool
) -> None:
    torch.manual_seed(0)
    network = Graph(planned((_CHANNELS, 5, 5), _BLOCKS + tail)).double()
    upsample = network.blocks[0]
    calls: list[Tensor] = []
    upsample.register_forward_hook(lambda _, __, output: calls.append(output))
    x = torch.randn(2, _CHANNELS, 5, 5, dtype=torch.float64)
    found = network(x)
    assert calls[0].shape[1] == (27 if deferred else _CHANNELS)
    picture = network.blocks[1](upsample(x))
    expected = torch.cat([picture, upsample(x)], dim=1) if tail else picture
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
