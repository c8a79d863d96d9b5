"""Head rotation from landmarks and a 3D model of the mean face."""

from dataclasses import dataclass
from functools import lru_cache
from math import asin, atan2, degrees
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.faces.alignment import LEFT_EYE, RIGHT_EYE
from audetnet.faces.landmarks import LandmarkError, Points, without_inner_mouth_corners
from audetnet.faces.opencv import cv2

MODEL_FILE = Path(__file__).with_name("mean_face_66.csv")


@dataclass(frozen=True)
class HeadPose:
    """Degrees, 0 for a face looking straight into the camera. As seen in the image: ``yaw`` > 0
    turns the face to the right, ``pitch`` > 0 raises it, ``roll`` > 0 tilts it anticlockwise.
    Applied in the order pitch, yaw, roll.
    """

    yaw: float
    pitch: float
    roll: float

    def exceeds(self, limit: float) -> bool:
        """Whether yaw or pitch exceeds the limit; alignment removes roll."""
        return max(abs(self.yaw), abs(self.pitch)) > limit


@lru_cache
def mean_face() -> npt.NDArray[np.float64]:
    """The 66 points (66, 3) of a frontal face, centred, in cm; x to the image's right, y up, z
    towards the camera.
    """
    points = np.loadtxt(MODEL_FILE, delimiter=",", comments="#")
    return np.asarray(points - points.mean(axis=0))


def head_pose(
    landmarks: Points, width: int, height: int, focal_length: float | None = None
) -> HeadPose:
    """Fit the mean face to 66 or 68 landmarks in an image of ``width`` x ``height`` pixels.

    Assumes a camera without distortion whose axis passes through the centre of the image; its focal
    length, in pixels, defaults to the image's width. Raises LandmarkError if nothing fits.
    """
    points = without_inner_mouth_corners(landmarks)
    focal = float(width if focal_length is None else focal_length)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    camera = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    model = mean_face() * (1, -1, -1)  # OpenCV: y down, z away from the camera
    turn, place = _first_guess(points, focal, middle)
    try:
        found, *fit = cv2.solvePnP(
            model, points, camera, None, turn, place, True, cv2.SOLVEPNP_ITERATIVE
        )
    except cv2.error as error:
        raise LandmarkError("no head pose fits the landmarks") from error
    turn, place = (np.asarray(part, dtype=np.float64) for part in fit)
    if not found or not np.isfinite(turn).all() or not place[2] > 0:
        raise LandmarkError("no head pose fits the landmarks")
    return _angles(np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64))


def _first_guess(
    points: Points, focal: float, middle: Points
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rotation vector and position of a frontal face with these eyes and this size. From other
    starts the fit may end with a face behind the camera.
    """
    across = points[RIGHT_EYE].mean(axis=0) - points[LEFT_EYE].mean(axis=0)
    turn = np.array([0.0, 0.0, atan2(across[1], across[0])])
    spread = np.sqrt(points.var(axis=0).sum())
    if not spread > 0:
        raise LandmarkError("all landmarks are at the same position")
    distance = focal * np.sqrt(mean_face()[:, :2].var(axis=0).sum()) / spread
    offset = (points.mean(axis=0) - middle) * distance / focal
    return turn.reshape(3, 1), np.array([*offset, distance]).reshape(3, 1)


def _angles(rotation: npt.NDArray[np.float64]) -> HeadPose:
    """Angles of R = Rz Ry Rx in OpenCV's axes; ours have the opposite sign about each."""
    yaw = -degrees(asin(max(-1.0, min(1.0, -rotation[2, 0]))))
    pitch = -degrees(atan2(rotation[2, 1], rotation[2, 2]))
    roll = -degrees(atan2(rotation[1, 0], rotation[0, 0]))
    return HeadPose(yaw, pitch, roll)
