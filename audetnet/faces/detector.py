"""Finding faces and their landmarks in images that come without; an optional part (see
dlib_models.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from audetnet.faces.alignment import ByteImage
from audetnet.faces.dlib_models import dlib_model
from audetnet.faces.landmarks import Points

LONGEST_SIDE = 1024
"""Pixels of the image that faces are sought in; landmarks are placed in the full image."""


def landmark_model_file() -> Path:
    """The 68-point model. Raises UserError where it or dlib is not installed."""
    return dlib_model("shape_predictor_68_face_landmarks", "finding faces")


@dataclass(frozen=True)
class Face:
    """A face that was found, and the number of those in its image."""

    points: Points
    """68 landmarks (68, 2)."""
    of: int


class FaceDetector:
    """dlib's frontal face detector (histograms of oriented gradients) and 68-point predictor.

    Raises UserError where they are not installed.
    """

    def __init__(self) -> None:
        model = landmark_model_file()
        import dlib

        self._rectangle: Callable[[int, int, int, int], Any] = dlib.rectangle
        self._find: Callable[[ByteImage, int], Sequence[Any]] = dlib.get_frontal_face_detector()
        self._place: Callable[[ByteImage, Any], Any] = dlib.shape_predictor(str(model))

    def largest_face(self, image: ByteImage) -> Face | None:
        """The largest face of an RGB image (H, W, 3), or None if there is none."""
        small, factor = _shrunk(image)
        # Enlarging the image to twice its size finds smaller faces, in four times the time.
        faces = self._find(small, 0) or self._find(small, 1)
        if not faces:
            return None
        face = max(faces, key=lambda box: int(box.width()) * int(box.height()))
        edges = (face.left(), face.top(), face.right() + 1, face.bottom() + 1)
        left, top, right, bottom = (round(edge * factor) for edge in edges)
        box = self._rectangle(left, top, right - 1, bottom - 1)
        shape = self._place(np.ascontiguousarray(image), box)
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        return Face(points, len(faces))


def _shrunk(image: ByteImage) -> tuple[ByteImage, float]:
    """The image, at most LONGEST_SIDE pixels long, and by what to multiply to get back."""
    height, width = image.shape[:2]
    factor = max(height, width) / LONGEST_SIDE
    if factor <= 1:
        return np.ascontiguousarray(image), 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), factor
