"""Batches of which one process has all."""

import torch
from torch import Tensor

from audetnet.data.batches import Batch


def whole_batch(frames: Tensor, labels: Tensor) -> Batch:
    """uint8 (B, 3, H, W) and float32 (B, A), two frames a subject."""
    count = len(frames)
    return Batch(
        indices=torch.arange(count).numpy(),
        frames=frames,
        labels=labels,
        subjects=torch.arange(count, device=frames.device) // 2,
        length=count,
        part=slice(0, count),
    )
