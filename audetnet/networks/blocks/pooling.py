"""Pooling blocks."""

from torch import nn

from audetnet.config.binding import Side
from audetnet.networks.blocks.block import block
from audetnet.networks.shapes import Shape, check_window


@block("maxpool")
def maxpool(source: Shape, *, pool_size: Side, stride: Side) -> nn.Module:
    """Maximum over square windows, unpadded."""
    check_window(source, pool_size, 0)
    return nn.MaxPool2d(pool_size, stride)


@block("avgpool")
def avgpool(source: Shape, *, pool_size: Side, stride: Side) -> nn.Module:
    """Mean over square windows, unpadded."""
    check_window(source, pool_size, 0)
    return nn.AvgPool2d(pool_size, stride)
