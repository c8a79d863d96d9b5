"""Layers that torch.nn lacks. Tensors are (batch, channels, height, width)."""

import torch
from torch import Tensor, nn

CHANNELS = 1
"""The channel dimension."""


class ChannelLinear(nn.Module):
    """``nn.Linear`` over the channels of a (B, C, H, W) tensor."""

    def __init__(self, features: int, output_features: int, bias: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(features, output_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x.movedim(CHANNELS, -1))
        return result.movedim(-1, CHANNELS)


class Concatenate(nn.Module):
    """``torch.cat`` of all inputs along a dimension."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.dimension)


class Multiply(nn.Module):
    """The product of all inputs, not in place."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        product = first
        for other in others:
            product = product * other
        return product


class Subset(nn.Module):
    """A range of indices along a dimension."""

    def __init__(self, dimension: int, start: int, end: int) -> None:
        super().__init__()
        self.dimension, self.start, self.length = dimension, start, end - start

    def forward(self, x: Tensor) -> Tensor:
        return x.narrow(self.dimension, self.start, self.length)
