"""The aligned crop of a face: eyes level, a square around all landmarks.

Pixel centres are at integers, so an image of width W extends from -0.5 to W - 0.5.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from audetnet.faces.landmarks import LandmarkError, Points, check_landmarks
from audetnet.faces.opencv import cv2

Matrix = npt.NDArray[np.float64]
"""(2, 3): a linear map and a translation."""
ByteImage = npt.NDArray[np.uint8]
"""(H, W, 3)."""
Resampling = Literal["area", "lanczos"]

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""In an upright face, the eye at the image's left and at its right."""
_LARGEST_CROP = 4
"""Limit of the crop's side, in multiples of the image's longer side; beyond it, the landmarks must
be wrong or those of another image.
"""
_SMALLEST_DISTANCE = 1e-3
"""Distance in pixels below which two points coincide."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How a face is cropped: to ``size`` x ``size`` pixels, from a square whose side is the larger
    of the landmarks' width times ``width_factor`` and height times ``height_factor``.
    """

    size: int = 256
    width_factor: float = 1.2
    height_factor: float = 1.3
    resampling: Resampling = "lanczos"

    def __post_init__(self) -> None:
        if self.size < 1 or not (self.width_factor > 0 and self.height_factor > 0):
            raise ValueError("size and factors must be positive")
        if self.resampling not in get_args(Resampling):
            raise ValueError(f"resampling must be one of {get_args(Resampling)}")


def transform_points(points: Points, matrix: Matrix) -> Points:
    """Apply a (2, 3) matrix to points (P, 2)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def crop_transform(landmarks: Points, alignment: Alignment) -> Matrix:
    """The transform from image to crop coordinates: rotation, uniform scale, shift.

    Raises LandmarkError for degenerate landmarks.
    """
    points = check_landmarks(landmarks)
    eyes = np.stack([points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)])
    return square_transform(points, eyes, alignment)


def square_transform(points: Points, eyes: Points, alignment: Alignment) -> Matrix:
    """The same from any points (P, 2) that span a face. It makes ``eyes`` (2, 2) level, the first
    one at the left.
    """
    across = eyes[1] - eyes[0]
    distance = math.hypot(*across)
    if distance < _SMALLEST_DISTANCE:
        raise LandmarkError("both eyes are at the same position")
    cosine, sine = across / distance
    # The centre of rotation does not matter, since the box is centred afterwards.
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    turned = points @ rotation.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    width, height = high - low
    if min(width, height) < _SMALLEST_DISTANCE:
        raise LandmarkError("all landmarks lie on one line")
    side = max(width * alignment.width_factor, height * alignment.height_factor)
    scale = alignment.size / side
    middle = alignment.size / 2 - 0.5
    shift = middle - scale * (low + high) / 2
    return np.column_stack([scale * rotation, shift])


def align(image: ByteImage, landmarks: Points, alignment: Alignment) -> ByteImage:
    """Crop a face: (H, W, 3) to (size, size, 3), keeping the order of channels.

    Outside the image, its edge pixels are repeated. Large faces are first sampled at a multiple of
    the size, fine enough to use every source pixel, and then reduced. Raises LandmarkError for
    degenerate landmarks, or if they do not fit this image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected uint8 (H, W, 3), not {image.dtype} {image.shape}")
    size = alignment.size
    matrix = crop_transform(landmarks, alignment)
    _check_inside(image, matrix, size)
    side = size / math.hypot(matrix[0, 0], matrix[1, 0])
    multiple = max(1, math.ceil(side / size - 1e-9))
    large = cv2.warpAffine(
        image,
        enlarged(matrix, multiple),
        (size * multiple, size * multiple),
        flags=cv2.INTER_LANCZOS4
        if multiple == 1 and alignment.resampling == "lanczos"
        else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if multiple == 1:
        return np.asarray(large, dtype=np.uint8)
    filters = {"area": Image.Resampling.BOX, "lanczos": Image.Resampling.LANCZOS}
    return np.asarray(Image.fromarray(large).resize((size, size), filters[alignment.resampling]))


def enlarged(matrix: Matrix, multiple: int) -> Matrix:
    """The transform to a crop of ``multiple`` times the size. It scales about the crop's corner,
    which is half a pixel from the first pixel's centre.
    """
    larger = multiple * matrix
    larger[:, 2] += (multiple - 1) / 2
    return larger


def _check_inside(image: ByteImage, matrix: Matrix, size: int) -> None:
    height, width = image.shape[:2]
    side = size / math.hypot(matrix[0, 0], matrix[1, 0])
    if side > _LARGEST_CROP * max(height, width):
        raise LandmarkError(
            f"the landmarks span {side:.0f} pixels in an image of {width}x{height}: are they those "
            "of another image?"
        )
    middle = np.full(2, size / 2 - 0.5)
    x, y = np.linalg.solve(matrix[:, :2], middle - matrix[:, 2])
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise LandmarkError(
            f"the face is centred at ({x:.0f}, {y:.0f}), outside the image of {width}x{height}"
        )
