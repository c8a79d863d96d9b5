"""Blocks that compute nothing and only route data."""

from torch import nn

from audetnet.config.binding import Natural
from audetnet.networks.blocks.block import BlockReference, Dimension, block
from audetnet.networks.layers import CHANNELS, Subset
from audetnet.networks.shapes import Shape, SourceError, check_dimension


@block("identity")
def identity(source: Shape) -> nn.Module:
    """The input, unchanged."""
    return nn.Identity()


@block("route")
def route(source: Shape, *, branch_at_layer: BlockReference) -> nn.Module:
    """The output of another block; the following blocks continue from there."""
    return nn.Identity()


@block("select_subset")
def select_subset(
    source: Shape,
    *,
    origin_layer: BlockReference,
    dimension: Dimension = CHANNELS,
    start_index: Natural,
    end_index: Natural,
) -> nn.Module:
    """``origin[..., start_index:end_index, ...]`` along a dimension of (batch, channels, height,
    width).
    """
    check_dimension(dimension, "dimension")
    size = source[dimension - 1]
    if not start_index < end_index <= size:
        raise SourceError(
            f"subset {start_index}:{end_index} lies outside its source, which has "
            f"0:{size} along dimension {dimension}",
            "end_index",
        )
    return Subset(dimension, start_index, end_index)
