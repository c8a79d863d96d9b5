"""Face detection by dlib; optional, and not licensed for every use (see dlib_models.py)."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Any, Final

import numpy as np

from audetnet.faces.alignment import ByteImage
from audetnet.faces.detector import Box, Face
from audetnet.faces.dlib_models import dlib_model
from audetnet.faces.opencv import cv2
from audetnet.faces.sources import DetectorName

LONGEST_SIDE = 1024
"""Faces are detected in an image of at most this size in pixels, landmarks in the full image."""


class DlibDetector:
    """dlib's frontal face detector (histograms of oriented gradients) and 68-point predictor.

    Raises UserError if they are not installed.
    """

    name: Final[DetectorName] = "dlib"

    def __init__(self) -> None:
        model = dlib_model("shape_predictor_68_face_landmarks", "--landmarks dlib")
        import dlib

        self._rectangle: Callable[[int, int, int, int], Any] = dlib.rectangle
        self._find: Callable[[ByteImage, int], Sequence[Any]] = dlib.get_frontal_face_detector()
        self._place: Callable[[ByteImage, Any], Any] = dlib.shape_predictor(str(model))

    def faces(self, image: ByteImage) -> list[Face]:
        """The faces of an RGB image (H, W, 3), largest first."""
        small, factor = _shrunk(image)
        # Upsampling by 2 finds smaller faces, but takes four times as long.
        found = self._find(small, 0) or self._find(small, 1)
        whole = np.ascontiguousarray(image)
        faces = [self._face(whole, rectangle, factor) for rectangle in found]
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def _face(self, image: ByteImage, found: Any, factor: float) -> Face:
        """The face of a rectangle found in the image reduced by ``factor``."""
        edges = (found.left(), found.top(), found.right() + 1, found.bottom() + 1)
        left, top, right, bottom = (round(edge * factor) for edge in edges)
        shape = self._place(image, self._rectangle(left, top, right - 1, bottom - 1))
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        return Face(points, Box(left, top, right - left, bottom - top), nan)


def _shrunk(image: ByteImage) -> tuple[ByteImage, float]:
    """The image reduced to at most LONGEST_SIDE pixels, and the factor of the reduction."""
    height, width = image.shape[:2]
    factor = max(height, width) / LONGEST_SIDE
    if factor <= 1:
        return np.ascontiguousarray(image), 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), factor
