"""Blocks that combine the outputs of several blocks."""

from torch import nn

from audetnet.networks.blocks.block import BlockReferences, Dimension, block
from audetnet.networks.layers import CHANNELS, Concatenate, Multiply
from audetnet.networks.shapes import (
    Shape,
    check_dimension,
    check_output,
    concatenated,
    multiplied,
)


@block("combine_concat")
def combine_concat(
    *sources: Shape, combine_layers: BlockReferences, dimension: Dimension = CHANNELS
) -> nn.Module:
    """Concatenates the outputs of ``combine_layers`` along a dimension; the other dimensions must
    match.
    """
    check_dimension(dimension, "dimension")
    check_output(concatenated(sources, dimension, "combine_layers"), "combine_layers")
    return Concatenate(dimension)


@block("combine_multiply")
def combine_multiply(*sources: Shape, combine_layers: BlockReferences) -> nn.Module:
    """The element-wise product of the outputs; sizes of 1 are broadcast."""
    check_output(multiplied(sources, "combine_layers"), "combine_layers")
    return Multiply()
