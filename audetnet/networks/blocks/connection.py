"""Fully connected blocks."""

from torch import nn

from audetnet.config.binding import Channels
from audetnet.networks.blocks.activation import (
    Activation,
    Initialization,
    activation_layers,
    initialise,
)
from audetnet.networks.blocks.block import block
from audetnet.networks.layers import ChannelLinear
from audetnet.networks.shapes import Shape, check_output, check_weights


@block("connected")
def connected(
    source: Shape,
    *,
    output_features: Channels,
    activation: Activation = "linear",
    use_bias: bool = True,
    initialization: Initialization = None,
) -> nn.Module:
    """A fully connected layer over the channels, shared by all positions, then the activation."""
    check_weights((output_features, source[0]), "output_features")
    check_output((output_features, *source[1:]), "output_features")
    layer = ChannelLinear(source[0], output_features, use_bias)
    initialise(layer.linear.weight, initialization, activation)
    return nn.Sequential(layer, *activation_layers(activation))
