"""Photographs of faces from installed packages, and rotations of them."""

import math

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage.data import astronaut

from audetnet.faces.alignment import Matrix

Pixels = npt.NDArray[np.uint8]


def photographs() -> dict[str, Pixels]:
    """RGB, one face each: Eileen Collins and Grace Hopper (NASA and US Navy, public domain)."""
    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    return {"collins": astronaut(), "hopper": np.asarray(Image.open(path).convert("RGB"))}


def turned(image: Pixels, degrees: float) -> tuple[Pixels, Matrix]:
    """The image rotated anticlockwise on a canvas that fits it, and the transform of its pixels."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    size = (
        math.ceil(width * cosine + height * sine),
        math.ceil(width * sine + height * cosine),
    )
    matrix[:, 2] += np.subtract(size, (width, height)) / 2
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC), matrix
