"""The gradient of a critic's score with respect to its input, without a second-order graph.

A sequential critic of convolutions, connected layers and (leaky) ReLUs is linear in its input,
given which units are active. Its gradient is then a chain of transposed layers, which one ordinary
backward pass differentiates with respect to the weights; the derivative of the activation masks is
0 almost everywhere. So the value and its derivatives are those of double backward, at about half
the cost (benchmarks/NOTES.md). Critics with other layers use ``score_gradient``.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audetnet.networks.graph import Graph
from audetnet.networks.layers import CHANNELS, ChannelLinear
from audetnet.objectives.critics import Critic, scores

ScoreGradient = Callable[[Critic, Tensor], Tensor]
"""The gradient of a critic's summed scores with respect to its input."""
_RECTIFIERS = (nn.ReLU, nn.LeakyReLU)


def score_gradient(critic: Critic, x: Tensor) -> Tensor:
    """d (sum of the scores) / dx, of the shape of x; differentiable with respect to the critic's
    parameters by double backward.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(scores(critic, x).sum(), x, create_graph=True)
    return gradient


def cheapest_score_gradient(critic: Graph) -> ScoreGradient:
    """The chain of transposed layers if the critic allows it, else double backward."""
    if not needs_double_backward(critic):
        layers = list(_leaves(critic.blocks))

        def chain(_: Critic, x: Tensor) -> Tensor:
            return chain_gradient(layers, x)

        return chain
    return score_gradient


def needs_double_backward(critic: Graph) -> bool:
    """Whether a critic has anything that such a chain does not support."""
    layers = _leaves(critic.blocks)
    return not (critic.is_sequential and all(_transposable(layer) for layer in layers))


def chain_gradient(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """d (sum over samples of the mean output) / dx, of the shape of x (B, C, H, W)."""
    inputs = [x.detach()]
    with torch.no_grad():
        for layer in layers:
            inputs.append(layer(inputs[-1]))
    output = inputs[-1]
    gradient = torch.full_like(output, len(output) / output.numel())
    for layer, (source, _) in zip(reversed(layers), reversed(list(pairwise(inputs))), strict=True):
        gradient = _transposed(layer)(layer, gradient, source)
    return gradient


def _leaves(modules: nn.Module) -> Iterator[nn.Module]:
    for module in modules.children():
        if isinstance(module, nn.Sequential):
            yield from _leaves(module)
        else:
            yield module


def _transposable(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return isinstance(layer, (ChannelLinear, nn.Identity, *_RECTIFIERS))


def _transposed(layer: nn.Module) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    if isinstance(layer, nn.Conv2d):
        return _through_convolution
    if isinstance(layer, ChannelLinear):
        return _through_connected
    if isinstance(layer, _RECTIFIERS):
        return _through_rectifier
    return lambda _, gradient, __: gradient


def _through_convolution(layer: nn.Module, gradient: Tensor, source: Tensor) -> Tensor:
    assert isinstance(layer, nn.Conv2d) and not isinstance(layer.padding, str)
    output_padding = [
        size - ((out - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1)
        for size, out, stride, pad, dilation, kernel in zip(
            source.shape[2:],
            gradient.shape[2:],
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.kernel_size,
            strict=True,
        )
    ]
    return F.conv_transpose2d(
        gradient,
        layer.weight,
        None,
        layer.stride,
        layer.padding,
        output_padding,
        layer.groups,
        layer.dilation,
    )


def _through_connected(layer: nn.Module, gradient: Tensor, _: Tensor) -> Tensor:
    assert isinstance(layer, ChannelLinear)
    transposed = F.linear(gradient.movedim(CHANNELS, -1), layer.linear.weight.T)
    return transposed.movedim(-1, CHANNELS)


def _through_rectifier(layer: nn.Module, gradient: Tensor, source: Tensor) -> Tensor:
    slope = layer.negative_slope if isinstance(layer, nn.LeakyReLU) else 0.0
    return torch.where(source > 0, gradient, slope * gradient)
