"""Histograms of oriented gradients (Dalal & Triggs 2005), with scikit-image."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.errors import UserError

SIDE = 128
"""Side of the images, in pixels."""
_ORIENTATIONS, _CELL, _BLOCK = 9, 8, 2
_GREY = np.array([0.299, 0.587, 0.114])
INSTALL = "pip install -e '.[baselines]'"


def hog_features(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """float32 (N, D, 1, 1) of images (N, 3, H, W): 9 orientations in cells of 8 pixels, normalised
    (L2-Hys) in overlapping blocks of 2 x 2 cells; D = 8,100 at 128 pixels. Raises UserError if
    scikit-image is missing.
    """
    try:
        from skimage.feature import hog
    except ImportError as error:
        raise UserError(f"HOG needs the package scikit-image: {INSTALL}") from error
    grey = np.tensordot(_GREY, pixels, axes=(0, 1)).astype(np.float32)
    found = [
        hog(
            image,
            orientations=_ORIENTATIONS,
            pixels_per_cell=(_CELL, _CELL),
            cells_per_block=(_BLOCK, _BLOCK),
            block_norm="L2-Hys",
        )
        for image in grey
    ]
    return torch.from_numpy(np.stack(found).astype(np.float32))[:, :, None, None]
