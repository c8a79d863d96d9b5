"""Blocks that are random in training."""

from typing import Annotated

from torch import nn

from audetnet.config.binding import Range
from audetnet.networks.blocks.block import block
from audetnet.networks.shapes import Shape


@block("dropout")
def dropout(source: Shape, *, probability: Annotated[float, Range(0, below=1)]) -> nn.Module:
    """In training each value is set to 0 with this probability, and the others are divided by
    1 - probability; otherwise the identity (Srivastava et al. 2014).
    """
    return nn.Dropout(probability)
