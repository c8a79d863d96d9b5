"""BlazeFace: a face detector (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047).

It reads the whole image, scaled down to a small square, and predicts at every grid position whether
there is a face, its box, and its eyes.
"""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from audetnet.faces.alignment import ByteImage, Matrix, transform_points
from audetnet.faces.detector import Box
from audetnet.faces.landmarks import Points
from audetnet.faces.opencv import cv2
from audetnet.faces.shipped_network import ShippedFile, ShippedNetwork, sigmoid

_LOWEST_SCORE = 0.5
_SAME_FACE = 0.3
"""Boxes with a higher intersection over union show the same face."""
_EYES = slice(2, 4)
"""The eyes among the pairs of an output row: centre, size, eyes and four more points."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """A face, in pixels of the full image."""

    corners: Points
    """(2, 2): two opposite corners of its square, which is level with the eyes."""
    eyes: Points
    """(2, 2): in an upright face, the eye at the image's left and at its right."""
    score: float
    """From 0.5 to 1."""


class BlazeFace:
    """One network. ``side`` of its input square and ``cell`` size of the finer of its two grids, in
    pixels.
    """

    def __init__(self, file: ShippedFile, side: int, cell: int) -> None:
        self._network = ShippedNetwork(file, ("regressors", "classificators"))
        self._side = side
        self._places = np.concatenate([_grid(side, cell, 2), _grid(side, 2 * cell, 6)])

    @classmethod
    def short_range(cls) -> "BlazeFace":
        """For faces within about two metres."""
        return cls("face_detection_short_range", 128, 8)

    @classmethod
    def long_range(cls) -> "BlazeFace":
        """For smaller faces, farther away, at several times the cost."""
        return cls("face_detection_back", 256, 16)

    def detections(self, image: ByteImage, degrees: float = 0) -> list[Detection]:
        """The faces of an RGB image (H, W, 3), best first; the image is first rotated clockwise by
        ``degrees``.
        """
        seen, matrix = _turned_square(image, self._side, degrees)
        regressors, logits = self._network(seen.astype(np.float32) / 127.5 - 1)
        scores = sigmoid(logits.reshape(-1))
        pairs = regressors.reshape(len(scores), -1, 2).astype(np.float64)
        pairs[:, 0] += self._places
        pairs[:, _EYES] += self._places[:, None]
        likely = scores > _LOWEST_SCORE
        back = np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)
        return [
            Detection(
                # Pixel centres are at integers, half a pixel from the edge.
                transform_points(_corners(face) - 0.5, back),
                transform_points(face[_EYES] - 0.5, back),
                score,
            )
            for face, score in _merged(pairs[likely], scores[likely].astype(np.float64))
        ]


def _grid(side: int, cell: int, answers: int) -> Points:
    """The centre of each cell, row by row, repeated for the cell's ``answers``."""
    middles = np.arange(side // cell) * cell + cell / 2
    x, y = np.meshgrid(middles, middles)
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), answers, axis=0)


def _turned_square(image: ByteImage, side: int, degrees: float) -> tuple[ByteImage, Matrix]:
    """The rotated image scaled to fit into a black square, and the transform of its pixels."""
    height, width = image.shape[:2]
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    scale = side / (np.abs(turn) @ (width, height)).max()
    # Even, like the square's side, so that rotations by right angles do not blur.
    size = np.array([max(2, 2 * round(edge * scale / 2)) for edge in (width, height)])
    resampling = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size.tolist(), interpolation=resampling)
    shift = (side - 1) / 2 - turn @ ((size - 1) / 2)
    seen = cv2.warpAffine(small, np.column_stack([turn, shift]), (side, side))
    resized = size / (width, height)
    whole = np.column_stack([turn * resized, turn @ ((resized - 1) / 2) + shift])
    return np.asarray(seen, dtype=np.uint8), whole


def _box(face: Array) -> Box:
    (x, y), (width, height) = face[:2]
    return Box(x - width / 2, y - height / 2, width, height)


def _corners(face: Array) -> Points:
    """Corners of a square level with the eyes, as large as the longer side of the box."""
    centre, size = face[:2]
    across = face[_EYES][1] - face[_EYES][0]
    down = np.array([-across[1], across[0]])
    half = size.max() / 2 / max(float(np.hypot(*across)), 1e-9) * (across + down)
    return np.stack([centre - half, centre + half])


def _merged(faces: Array, scores: Array) -> list[tuple[Array, float]]:
    """Weighted non-maximum suppression, best first: the mean of overlapping faces, weighted by
    score, with the best score.
    """
    left = np.argsort(-scores, kind="stable")
    merged = []
    while len(left):
        best = left[0]
        same = np.array([_box(faces[best]).overlap(_box(faces[i])) > _SAME_FACE for i in left])
        same[0] = True  # a box without area does not even overlap with itself
        rows = left[same]
        merged.append((np.average(faces[rows], axis=0, weights=scores[rows]), float(scores[best])))
        left = left[~same]
    return merged
