"""Sequences of frames: a video, read as a stream, or image files. Frames are decoded on demand."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audetnet.data.images import read_upright
from audetnet.data.videos import video_frames, video_length
from audetnet.faces.alignment import ByteImage
from create_dataset.labels.frame_ids import video_frame_id


@dataclass(frozen=True)
class Frame:
    """One frame of a stream."""

    frame_id: str
    is_sampled: bool
    """Whether it is in the sequence (of a video, perhaps only every N-th frame is)."""
    read: Callable[[], ByteImage]
    """RGB (H, W, 3); for a video, only before the next frame is taken. Raises UserError."""


@dataclass(frozen=True)
class VideoFrames:
    """Every N-th frame of a video; frame 17 of the video SN001 is ``SN001_17``, counted from 0."""

    path: Path
    prefix: str
    every: int = 1

    def frame_id(self, number: int) -> str:
        return video_frame_id(self.prefix, number)

    @property
    def paths(self) -> Collection[Path]:
        """The files to read."""
        return (self.path,)

    def file_of(self, frame_id: str) -> Path | None:
        """The video, whatever the frame."""
        return self.path

    def ids(self, length: int) -> list[str]:
        """The ids, if the video has ``length`` frames."""
        return [self.frame_id(number) for number in range(0, length, self.every)]

    def expected_length(self) -> int:
        """Number of frames according to the header, which may be wrong; 0 if it does not say.

        Raises UserError if the file is not a video.
        """
        return video_length(self.path)

    def stream(self) -> Iterator[Frame]:
        """All frames in order, sampled or not. Raises UserError if there are none."""
        for frame in video_frames(self.path):
            number = frame.number
            yield Frame(self.frame_id(number), number % self.every == 0, frame.read)


@dataclass(frozen=True)
class ImageFrames:
    """Image files by frame id."""

    files: Mapping[str, Path]

    @property
    def paths(self) -> Collection[Path]:
        """The files to read."""
        return self.files.values()

    def file_of(self, frame_id: str) -> Path | None:
        """The frame's image."""
        return self.files.get(frame_id)

    def ids(self, length: int) -> list[str]:
        """The ids, whatever the length."""
        return list(self.files)

    def expected_length(self) -> int:
        return len(self.files)

    def stream(self) -> Iterator[Frame]:
        """All frames in order."""
        for frame_id, path in self.files.items():
            yield Frame(frame_id, True, lambda at=path: read_upright(at))  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """What a worker extracts as one job."""

    name: str
    frames: VideoFrames | ImageFrames
    landmarks: Mapping[str, Path] | None = None
    """Landmark files by frame id; None: a detector finds the landmarks."""
    bad: frozenset[str] = field(default_factory=frozenset)
    """Ids of frames listed as bad."""
