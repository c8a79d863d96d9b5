"""Videos as streams of frames, which are decoded only on request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audetnet.data.images import RgbImage
from audetnet.errors import UserError
from audetnet.faces.opencv import cv2
from audetnet.files.atomic import check_regular

_USUAL_RATE = 25.0


class FrameError(UserError):
    """A frame that cannot be decoded."""


@dataclass(frozen=True)
class VideoFrame:
    """A frame, counted from 0, with its time in the video."""

    number: int
    seconds: float
    read: Callable[[], RgbImage]
    """Decodes the frame; valid only until the next one is taken. Raises FrameError."""


def video_length(path: Path) -> int:
    """The number of frames according to the header, which may be wrong; 0 if not given. Raises
    UserError if the file is not a video.
    """
    with _opened(path) as capture:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))


def video_rate(path: Path) -> float:
    """Frames per second according to the header, 25 if not given. Raises UserError."""
    with _opened(path) as capture:
        return float(capture.get(cv2.CAP_PROP_FPS)) or _USUAL_RATE


def video_frames(path: Path) -> Iterator[VideoFrame]:
    """All frames in order. Raises UserError if the file is not a video or has no frames."""
    number = 0
    with _opened(path) as capture:
        while capture.grab():
            yield VideoFrame(
                number,
                capture.get(cv2.CAP_PROP_POS_MSEC) / 1000,
                lambda at=number: _retrieved(capture, path, at),  # type: ignore[misc]
            )
            number += 1
    if not number:
        raise UserError(f"{path}: no frame of the video can be read; is it complete?")


@contextmanager
def _opened(path: Path) -> "Iterator[cv2.VideoCapture]":
    check_regular(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a video")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise UserError(
            f"{path}: not a readable video; is it complete? (ffmpeg -i FILE converts formats that "
            "OpenCV does not support)"
        )
    try:
        yield capture
    finally:
        capture.release()


def _retrieved(capture: "cv2.VideoCapture", path: Path, number: int) -> RgbImage:
    fine, image = capture.retrieve()
    if not fine:
        raise FrameError(f"{path}: frame {number} (from 0) cannot be decoded")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
