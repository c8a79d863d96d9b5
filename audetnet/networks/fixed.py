"""What training does not change: blocks that give the same for the same input, always."""

import torch
from torch import Tensor, nn

from audetnet.data.neutral_frames import NeutralFrames
from audetnet.networks.layers import Concatenate, Multiply, Subset
from audetnet.networks.pretrained import PretrainedStem

_STATELESS = (
    *(nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Upsample),
    *(Concatenate, Multiply, Subset),
)


class FromFixed(nn.Module):
    """A block that is made ready before the first epoch from what it reads of the training frames.
    So it must read what training does not change; what it gives is then fixed as well.
    """


class PersonReference(FromFixed):
    """What a frame shows minus what its person shows at rest, ``rest`` (B, C, h, w). Of people of
    whom no frames are given, rest is that of the training people on average.

    ``missing``: the share of training frames whose person counts as unknown.
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
    """Whether a block gives the same for the same input, whatever training does."""
    if isinstance(module, PretrainedStem):
        return module.is_frozen
    return isinstance(module, (*_STATELESS, FromFixed))
