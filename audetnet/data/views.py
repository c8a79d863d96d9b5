"""Views of a frame: the frame as it is, and augmented versions of it that are the same in every
epoch and every run, so that what a frozen stem makes of them is computed once.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from audetnet.data.augment import Augmentation, Draws, concatenate
from audetnet.seeds import Purpose, numpy_generator, torch_generator

ORIGINAL = 0
"""The view that is not augmented."""
Indices = npt.NDArray[np.int64]


def view_name(frame: str, view: int) -> str:
    """The name of a view among packed rows."""
    return frame if view == ORIGINAL else f"{frame}/{view}"


def view_draws(frames: Sequence[str], views: Sequence[int], size: Sequence[int]) -> Draws:
    """What views of frames are changed by, for images of (height, width), on the CPU; of size (0,
    0) flip and colours alone are of use. It depends on the frame's id and the view, nothing else.
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
    """Draws that change nothing."""
    return Draws(
        torch.zeros(count, dtype=torch.bool), torch.ones(count, 3), torch.zeros(count, 3, *size)
    )


def views_of_epoch(frames: int, views: int, seed: int, epoch: int) -> Indices:
    """Which of its views each frame (N,) is seen by in an epoch."""
    return numpy_generator(seed, Purpose.VIEWS, epoch).integers(views, size=frames)
