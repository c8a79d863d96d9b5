"""BlazeFace: a network that finds faces (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047).

It reads the whole image, reduced to a small square, and says at every place of a grid whether a
face is there, where its box is, and where its eyes are.
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
"""Boxes that overlap by more than this are of one face."""
_EYES = slice(2, 4)
"""Of what a row says in pairs: centre, size, eyes and four more points."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """A face, in pixels of the full image."""

    corners: Points
    """(2, 2): two opposite ones of the square about it that is level with its eyes."""
    eyes: Points
    """(2, 2): at the image's left and right, of an upright face."""
    score: float
    """From 0.5 to 1."""


class BlazeFace:
    """One network; ``side``: of the square that it reads, ``cell``: of the finer of its two grids,
    both in pixels.
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
        """For smaller and farther faces, at several times the cost."""
        return cls("face_detection_back", 256, 16)

    def detections(self, image: ByteImage, degrees: float = 0) -> list[Detection]:
        """The faces of an RGB image (H, W, 3) that is turned clockwise by ``degrees`` before it is
        looked at, best first.
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
                # Pixel centres are at whole numbers, half a pixel from the edge.
                transform_points(_corners(face) - 0.5, back),
                transform_points(face[_EYES] - 0.5, back),
                score,
            )
            for face, score in _merged(pairs[likely], scores[likely].astype(np.float64))
        ]


def _grid(side: int, cell: int, answers: int) -> Points:
    """What the ``answers`` of each cell are relative to: its middle. Cells row by row."""
    middles = np.arange(side // cell) * cell + cell / 2
    x, y = np.meshgrid(middles, middles)
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), answers, axis=0)


def _turned_square(image: ByteImage, side: int, degrees: float) -> tuple[ByteImage, Matrix]:
    """The turned image on a black square that it just fits into, and how pixels got there."""
    height, width = image.shape[:2]
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    scale = side / (np.abs(turn) @ (width, height)).max()
    # Even, as the square is, so that turns by right angles do not blur.
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
    """As large as the longer side of the box."""
    centre, size = face[:2]
    across = face[_EYES][1] - face[_EYES][0]
    down = np.array([-across[1], across[0]])
    half = size.max() / 2 / max(float(np.hypot(*across)), 1e-9) * (across + down)
    return np.stack([centre - half, centre + half])


def _merged(faces: Array, scores: Array) -> list[tuple[Array, float]]:
    """Each face once, best first: the mean of all that overlap, weighted by their scores, and the
    best of these.
    """
    left = np.argsort(-scores, kind="stable")
    merged = []
    while len(left):
        best = left[0]
        same = np.array([_box(faces[best]).overlap(_box(faces[i])) > _SAME_FACE for i in left])
        same[0] = True  # a box without an area does not even overlap with itself
        rows = left[same]
        merged.append((np.average(faces[rows], axis=0, weights=scores[rows]), float(scores[best])))
        left = left[~same]
    return merged
