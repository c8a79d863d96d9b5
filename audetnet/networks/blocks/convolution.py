"""Convolutional blocks."""

from torch import nn

from audetnet.config.binding import Border, Channels, Side
from audetnet.networks.blocks.activation import (
    Activation,
    Initialization,
    activation_layers,
    initialise,
)
from audetnet.networks.blocks.block import block
from audetnet.networks.shapes import Shape, check_output, check_weights, check_window

CONV_BATCH_NORM_EPS = 1e-4


@block("convolutional")
def convolutional(
    source: Shape,
    *,
    filters: Channels,
    kernel_size: Side,
    stride: Side,
    pad: Border | bool = 0,
    batch_normalise: bool = False,
    activation: Activation = None,
    initialization: Initialization = None,
) -> nn.Module:
    """2-D convolution, then the activation. With ``batch_normalise``, batch norm (eps 1e-4)
    replaces the bias.
    """
    padding = pad if not isinstance(pad, bool) else (kernel_size - 1) // 2 if pad else 0
    check_window(source, kernel_size, padding)
    check_weights((filters, source[0], kernel_size, kernel_size), "filters")
    height, width = ((side + 2 * padding - kernel_size) // stride + 1 for side in source[1:])
    check_output((filters, height, width), "filters")
    convolution = nn.Conv2d(
        source[0], filters, kernel_size, stride, padding, bias=not batch_normalise
    )
    initialise(convolution.weight, initialization, activation)
    layers: list[nn.Module] = [convolution]
    if batch_normalise:
        layers.append(nn.BatchNorm2d(filters, eps=CONV_BATCH_NORM_EPS))
    return nn.Sequential(*layers, *activation_layers(activation))
