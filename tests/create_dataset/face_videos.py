"""Drawn faces with known eyes, and raw trees of DISFA and BP4D made of them."""

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.io import savemat

from audetnet.faces.alignment import LEFT_EYE, RIGHT_EYE
from audetnet.faces.head_pose import mean_face

Points = npt.NDArray[np.float64]
WIDTH, HEIGHT = 320, 240
LEFT_COLOUR, RIGHT_COLOUR = (0, 255, 0), (255, 0, 0)
"""RGB of the discs at the eyes' centres."""


def landmarks_of(number: int, yaw: float = 0.0) -> Points:
    """66 points of frame ``number``: the face moves, turns in the plane and grows."""
    angle = math.radians(-20 + 7 * number)
    size = 6 + 0.3 * number
    out_of_plane = cv2.Rodrigues(np.array([0.0, math.radians(yaw), 0.0]))[0]
    flat = (mean_face() @ out_of_plane.T)[:, :2] * (1, -1)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray(size * flat @ turn.T + (140 + 4.3 * number, 110 + 1.7 * number))


def eyes(points: Points) -> Points:
    """Centres of both eyes (2, 2)."""
    return np.stack([points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)])


def drawn(points: Points) -> npt.NDArray[np.uint8]:
    """RGB image: discs with soft edges at the eyes' centres, on black."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.zeros((HEIGHT, WIDTH, 3))
    for (at_x, at_y), colour in zip(eyes(points), (LEFT_COLOUR, RIGHT_COLOUR), strict=True):
        disc = np.clip(7.5 - np.hypot(x - at_x, y - at_y), 0, 1)
        image += disc[..., None] * colour
    return image.round().clip(0, 255).astype(np.uint8)


def write_video(path: Path, frames: int, points: Callable[[int], Points] = landmarks_of) -> None:
    """A video of drawn faces."""
    write_frames(path, [drawn(points(number)) for number in range(frames)])


def write_frames(path: Path, frames: list[npt.NDArray[np.uint8]]) -> None:
    """A Motion-JPEG video of RGB frames of one size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), codec, 20, (width, height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()


def write_image(path: Path, points: Points) -> None:
    """A drawn face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn(points)).save(path, quality=95)


def write_landmarks(path: Path, points: Points) -> None:
    """A landmark file as MATLAB writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"pts": points})


def make_disfa(raw: Path, frames: int = 6) -> Path:
    """Two subjects in DISFA's layout, with its irregular names; SN031 lacks ``l00004_lm.mat``."""
    videos, points = raw / "Videos_LeftCamera", raw / "Landmark_Points"
    write_video(videos / "LeftVideoSN001_comp.avi", frames)
    write_video(videos / "LeftVideoSN031_Comp.avi", frames)
    for number in range(frames):
        name = f"SN001_{number:04d}_lm.mat"
        write_landmarks(points / "SN001" / "tmp_frame_lm" / name, landmarks_of(number))
        if number != 3:
            name = f"l{number + 1:05d}_lm.mat"
            write_landmarks(points / "SN031" / "tmp_frame_lm" / name, landmarks_of(number))
    return raw


def colour_centres(path: Path) -> Points:
    """Centroids of the left eye's and the right eye's disc in an image (2, 2), x and y."""
    image = np.asarray(Image.open(path).convert("RGB")).astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    centres = []
    for one, other in ((1, 0), (0, 1)):
        weight = np.clip(image[..., one] - image[..., other], 40, None) - 40
        centres.append([(x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()])
    return np.array(centres)


def expected_eyes(
    points: Points, size: int = 256, width: float = 1.2, height: float = 1.3
) -> Points:
    """Where the definition puts the eyes, written down a second time: both at one height, in a
    square about the middle of the box of the turned landmarks.
    """
    left, right = eyes(points)
    angle = math.atan2(right[1] - left[1], right[0] - left[0])
    middle = (left + right) / 2
    cosine, sine = math.cos(-angle), math.sin(-angle)
    x = middle[0] + (points - middle) @ (cosine, -sine)
    y = middle[1] + (points - middle) @ (sine, cosine)
    side = max((x.max() - x.min()) * width, (y.max() - y.min()) * height)
    corner = np.array([(x.max() + x.min()) / 2, (y.max() + y.min()) / 2]) - side / 2
    half = math.dist(left, right) / 2
    turned = np.stack([np.subtract(middle, (half, 0)), np.add(middle, (half, 0))])
    # Edges scale: a pixel's centre lies half a pixel inside of its edge.
    return np.asarray((turned - corner) * size / side - 0.5)
