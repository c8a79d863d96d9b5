"""Blocks that training does not change: the same input always gives the same output."""

import torch
from torch import Tensor, nn

from audetnet.data.neutral_frames import NeutralFrames
from audetnet.networks.layers import Concatenate, Multiply, Subset
from audetnet.networks.pretrained import PretrainedStem

_STATELESS = (
    *(nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Upsample),
    *(Concatenate, Multiply, Subset),
)


class PrecomputedBlock(nn.Module):
    """A block that is computed before the first epoch from its inputs for all training frames. Its
    inputs must therefore be fixed (training does not change them), and so its output is fixed too.
    """


class PersonReference(PrecomputedBlock):
    """Subtracts ``rest`` (B, C, h, w), the same features of the same person at rest. For unknown
    people ``rest`` is the mean over the people of the training set.

    ``missing``: the share of training frames whose person is treated as unknown.
    """

    mean_rest: Tensor

    def __init__(self, shape: tuple[int, int, int], choice: NeutralFrames, missing: float) -> None:
        super().__init__()
        self.choice = choice
        self.missing = missing
        self.register_buffer("mean_rest", torch.zeros(shape))

    def forward(self, x: Tensor, rest: Tensor | None = None) -> Tensor:
        return x - (self.mean_rest if rest is None else rest).to(x.dtype)


def is_fixed(module: nn.Module) -> bool:
    """Whether a block always gives the same output for the same input, whatever training does."""
    if isinstance(module, PretrainedStem):
        return module.is_frozen
    return isinstance(module, (*_STATELESS, PrecomputedBlock))
