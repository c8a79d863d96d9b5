"""Blocks that normalise their input."""

from typing import Annotated

from torch import nn

from audetnet.config.binding import Channels, OptionError, Range
from audetnet.networks.blocks.block import Dimension, block
from audetnet.networks.layers import CHANNELS
from audetnet.networks.shapes import Shape, check_dimension

Epsilon = Annotated[float, Range(1e-12, most=1)]
"""Smaller ones vanish next to a float32 variance, and some are 0 in float32."""


@block("batch_norm")
def batch_norm(
    source: Shape,
    *,
    num_features: Channels,
    eps: Epsilon = 1e-5,
    affine: bool = True,
) -> nn.Module:
    """Batch norm over batch and positions; ``affine=False`` omits the learned scale and shift."""
    if num_features != source[0]:
        raise OptionError(
            f"num_features={num_features} but the input has {source[0]} channels", "num_features"
        )
    return nn.BatchNorm2d(num_features, eps=eps, affine=affine)


@block("softmax")
def softmax(source: Shape, *, dim: Dimension = CHANNELS) -> nn.Module:
    """Softmax along a dimension of (batch, channels, height, width)."""
    check_dimension(dim, "dim")
    return nn.Softmax(dim)
