"""Blocks that are fitted in closed form, before the first epoch."""

from math import prod
from typing import Annotated

from torch import nn

from audetnet.config.binding import Channels, Range
from audetnet.networks.blocks.block import block
from audetnet.networks.ridge_readout import CrossValidated, RidgeReadout
from audetnet.networks.shapes import Shape, check_weights

Penalty = Annotated[float, Range(1e-3, most=1e12)]
"""Smaller ones vanish in the rounding errors of thousands of frames' inner products."""


@block("ridge")
def ridge(
    source: Shape,
    *,
    output_features: Channels,
    penalty: Penalty | CrossValidated = "cross-validated",
) -> nn.Module:
    """Ridge regression on the whole input, all channels and positions, to
    ``output_features`` x 1 x 1.
    """
    check_weights((output_features, prod(source)), "output_features")
    return RidgeReadout(prod(source), output_features, penalty)
