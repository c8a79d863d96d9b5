"""FaceMesh: a network that places 468 points on a face (Kartynnik et al. 2019,
https://arxiv.org/abs/1907.06724), and their mapping to the 68-point scheme.
"""

from cmath import phase
from dataclasses import dataclass
from math import degrees, hypot

import numpy as np

from audetnet.faces.alignment import (
    Alignment,
    ByteImage,
    Matrix,
    enlarged,
    square_transform,
    transform_points,
)
from audetnet.faces.landmarks import Points
from audetnet.faces.opencv import cv2
from audetnet.faces.shipped_network import ShippedNetwork, sigmoid

_SIDE = 192
_SQUARE = Alignment(size=_SIDE, width_factor=1.5, height_factor=1.5)
"""Its input: the face's box, enlarged by half."""
_JAW = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
_INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)
_SCHEME = [*_JAW, *_BROWS, *_NOSE, *_EYES, *_LIPS, *_INNER_LIPS]
"""Of the 468 points, those closest to the 68 points of landmarks.py, in their order."""
_OUTER_CORNERS = [33, 263]
"""The outer corners of the eyes."""


@dataclass(frozen=True)
class Mesh:
    """The points placed on a possible face."""

    points: Points
    """(468, 2), in pixels of the full image."""
    score: float
    """How likely it is a face, from 0 to 1."""

    @property
    def eyes(self) -> Points:
        """(2, 2): in an upright face, the eye at the image's left and at its right."""
        return self.points[_OUTER_CORNERS]

    @property
    def landmarks(self) -> Points:
        """The points of the 68-point scheme, (68, 2)."""
        return self.points[_SCHEME]


class FaceMesh:
    """The network."""

    def __init__(self) -> None:
        self._network = ShippedNetwork("face_landmark", ("conv2d_21", "conv2d_31"))

    def place(self, image: ByteImage, extent: Points, eyes: Points) -> Mesh:
        """Place the points on a face in an RGB image (H, W, 3). ``extent`` (P, 2) are points that
        span the face; the image is rotated to make ``eyes`` (2, 2) level. Raises LandmarkError for
        degenerate points.
        """
        matrix = square_transform(extent, eyes, _SQUARE)
        points, logit = self._network(_square(image, matrix).astype(np.float32) / 255.0)
        flat = points.reshape(-1, 3)[:, :2].astype(np.float64)  # the third is depth
        back = np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)
        # The network's coordinates start at the edge, half a pixel before the first centre.
        return Mesh(transform_points(flat - 0.5, back), float(sigmoid(logit).item()))


def levelled(image: ByteImage, mesh: Mesh) -> ByteImage:
    """The face cropped with its eyes level, (192, 192, 3). Raises LandmarkError."""
    return _square(image, square_transform(mesh.points, mesh.eyes, _SQUARE))


def _square(image: ByteImage, matrix: Matrix) -> ByteImage:
    """Faster and less exact than ``align``: at most every other pixel is skipped."""
    reduction = 1 / hypot(matrix[0, 0], matrix[1, 0])
    multiple = max(1, int(reduction))
    side = _SIDE * multiple
    large = cv2.warpAffine(
        image, enlarged(matrix, multiple), (side, side), borderMode=cv2.BORDER_REPLICATE
    )
    small = cv2.resize(large, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def tilt(eyes: Points, others: Points) -> float:
    """The angle, 0 to 180 degrees, between the lines through the eyes (2, 2) of two faces."""
    line, other = complex(*eyes[1] - eyes[0]), complex(*others[1] - others[0])
    return abs(degrees(phase(line * other.conjugate())))
