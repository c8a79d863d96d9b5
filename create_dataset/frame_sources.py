"""Sequences of frames: a video, read as a stream, or image files. Decoded is only what is asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from audetnet.data.images import image_size, read_image
from audetnet.errors import UserError
from audetnet.faces.alignment import ByteImage
from audetnet.files import check_regular
from create_dataset.frame_ids import id_of_video_frame


class FrameError(UserError):
    """A frame that cannot be decoded."""


@dataclass(frozen=True)
class Frame:
    """One frame of a stream."""

    frame_id: str
    asked: bool
    """Whether it is one of the sequence's ids (a video may be read every N frames)."""
    read: Callable[[], ByteImage]
    """RGB (H, W, 3); of a video only until the next frame is taken. Raises UserError."""


@dataclass(frozen=True)
class VideoFrames:
    """Every N-th frame of a video; frame 17 of the video SN001 is ``SN001_17``, counted from 0."""

    path: Path
    prefix: str
    every: int = 1

    def frame_id(self, number: int) -> str:
        return id_of_video_frame(self.prefix, number)

    def file_of(self, frame_id: str) -> Path | None:
        """The video, whatever the frame."""
        return self.path

    def ids(self, length: int) -> list[str]:
        """The ids, of a video of so many frames."""
        return [self.frame_id(number) for number in range(0, length, self.every)]

    def expected_length(self) -> int:
        """Number of frames according to the header, which may be wrong; 0 where it does not say.

        Raises UserError at a file that is no video.
        """
        capture = _opened(self.path)
        try:
            return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        finally:
            capture.release()

    def stream(self) -> Iterator[Frame]:
        """All frames in order, those not asked for included. Raises UserError if there are none."""
        capture = _opened(self.path)
        number = 0
        try:
            while capture.grab():
                yield Frame(
                    self.frame_id(number),
                    number % self.every == 0,
                    lambda at=number: _retrieved(capture, self.path, at),  # type: ignore[misc]
                )
                number += 1
        finally:
            capture.release()
        if not number:
            raise UserError(f"{self.path}: no frame of the video can be read; is it whole?")


@dataclass(frozen=True)
class ImageFrames:
    """Image files by frame id."""

    files: Mapping[str, Path]

    def file_of(self, frame_id: str) -> Path | None:
        """The frame's image."""
        return self.files.get(frame_id)

    def ids(self, length: int) -> list[str]:
        """The ids; there is nothing to be learnt from the length."""
        return list(self.files)

    def expected_length(self) -> int:
        return len(self.files)

    def stream(self) -> Iterator[Frame]:
        """All frames in order."""
        for frame_id, path in self.files.items():
            yield Frame(frame_id, True, lambda at=path: read_upright(at))  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """What one worker extracts at a time."""

    name: str
    frames: VideoFrames | ImageFrames
    landmarks: Mapping[str, Path] | None = None
    """Landmark files by frame id; None: the detector finds them."""
    bad: frozenset[str] = field(default_factory=frozenset)
    """Ids on the list of bad frames."""


def read_upright(path: Path) -> ByteImage:
    """An image file as RGB (H, W, 3), turned as its EXIF data say. Raises UserError."""
    return np.ascontiguousarray(read_image(path, image_size(path)).transpose(1, 2, 0))


def _opened(path: Path) -> cv2.VideoCapture:
    check_regular(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a video")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise UserError(
            f"{path}: not a readable video; is it whole? (ffmpeg -i FILE converts what OpenCV does "
            "not know)"
        )
    return capture


def _retrieved(capture: cv2.VideoCapture, path: Path, number: int) -> ByteImage:
    fine, image = capture.retrieve()
    if not fine:
        raise FrameError(f"{path}: frame {number} (from 0) cannot be decoded")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
