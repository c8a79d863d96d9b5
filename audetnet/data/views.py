"""Views of a frame: the original, and augmented versions that are the same in every epoch and run,
so that a frozen stem needs to see them only once.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from audetnet.data.augment import Augmentation, Draws, concatenate
from audetnet.seeds import Purpose, numpy_generator, torch_generator

ORIGINAL = 0
"""The view without augmentation."""
Indices = npt.NDArray[np.int64]


def view_name(frame: str, view: int) -> str:
    """The name of a view's packed row."""
    return frame if view == ORIGINAL else f"{frame}/{view}"


def view_draws(frames: Sequence[str], views: Sequence[int], size: Sequence[int]) -> Draws:
    """The augmentation of views of frames, for images of (height, width), on the CPU; with size (0,
    0), only flip and colours. It depends on nothing but the frame's id and the view.
    """
    cpu = torch.device("cpu")
    augmentation = Augmentation()
    drawn = []
    for frame, view in zip(frames, views, strict=True):
        place = (view, zlib.crc32(frame.encode()))
        if view == ORIGINAL:
            drawn.append(identity_draws(1, size))
        else:
            generator = torch_generator(cpu, 0, Purpose.VIEWS, *place)
            drawn.append(augmentation.draw(1, size, generator))
    return concatenate(drawn)


def identity_draws(count: int, size: Sequence[int]) -> Draws:
    """Draws that leave images unchanged."""
    return Draws(
        torch.zeros(count, dtype=torch.bool), torch.ones(count, 3), torch.zeros(count, 3, *size)
    )


def views_of_epoch(frames: int, views: int, seed: int, epoch: int) -> Indices:
    """The view of each frame (N,) to use in an epoch."""
    return numpy_generator(seed, Purpose.VIEWS, epoch).integers(views, size=frames)
