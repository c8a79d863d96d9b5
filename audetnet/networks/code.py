"""The code of an image: z1, the only input of the AU predictor, and z2, everything else."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

GradientTo = Literal["both", "z1", "z2"]
"""Which blocks of a code receive a gradient."""


@dataclass(frozen=True)
class Code:
    """A code (B, Z1 + Z2, h, w), whose first ``z1_channels`` channels are z1 and the rest z2."""

    whole: Tensor
    z1_channels: int

    @classmethod
    def of(cls, z1: Tensor, z2: Tensor) -> "Code":
        """Join two blocks (B, Z1, h, w) and (B, Z2, h, w), not necessarily of the same image."""
        return cls(torch.cat([z1, z2], dim=1), z1.shape[1])

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def z1(self) -> Tensor:
        return self.whole[:, : self.z1_channels]

    @property
    def z2(self) -> Tensor:
        """(B, Z2, h, w); Z2 = 0 where the AUPredictor reads the whole code."""
        return self.whole[:, self.z1_channels :]

    def float(self) -> "Code":
        return Code(self.whole.float(), self.z1_channels)

    def detach(self) -> "Code":
        return Code(self.whole.detach(), self.z1_channels)

    def pooled(self) -> "Code":
        """Averaged over positions, (B, Z1 + Z2)."""
        return Code(self.whole.mean(dim=(2, 3)), self.z1_channels)

    def with_gradient_to(self, blocks: GradientTo) -> "Code":
        """The same values, with the other block detached."""
        if blocks == "both":
            return self
        if blocks == "z1":
            return Code.of(self.z1, self.z2.detach())
        return Code.of(self.z1.detach(), self.z2)

    def shuffled(self, order: Tensor) -> "Code":
        """z1 of each image with z2 of image ``order[i]``; ``order`` is (B,)."""
        return Code.of(self.z1, self.z2[order])
