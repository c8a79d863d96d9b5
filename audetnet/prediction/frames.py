"""Sources of frames: image files, videos and arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audetnet.data.images import RgbImage, read_upright
from audetnet.data.videos import video_frames, video_length
from audetnet.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of a video, or an image, whose number is 0 and whose time is None."""

    source: str
    number: int
    seconds: float | None
    read: Callable[[], RgbImage]
    """Raises UserError."""


class FrameSource(Protocol):
    """A source of frames."""

    @property
    def name(self) -> str:
        """Its path, or the number of an array."""

    @property
    def is_video(self) -> bool: ...

    @property
    def place(self) -> str:
        """Where equal face numbers are one person: the video, or the folder of an image."""

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """Every N-th frame, from number ``start``. Never raises: an unreadable source is a frame
        that raises when read.
        """


@dataclass(frozen=True)
class Source:
    """An image file or a video."""

    path: Path
    is_video: bool

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def place(self) -> str:
        """See FrameSource."""
        return str(self.path if self.is_video else self.path.parent)

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """See FrameSource."""
        if not self.is_video:
            yield from _first_only(self.name, lambda: read_upright(self.path), start)
            return
        try:
            for frame in video_frames(self.path):
                if frame.number >= start and frame.number % every == 0:
                    yield Frame(
                        source=self.name,
                        number=frame.number,
                        seconds=frame.seconds,
                        read=frame.read,
                    )
        except UserError as error:
            yield from _first_only(self.name, _raising(error), start)


@dataclass(frozen=True)
class ArrayImage:
    """An RGB image in memory, uint8 (H, W, 3)."""

    name: str
    pixels: RgbImage
    is_video = False
    place = "the arrays"

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """See FrameSource."""
        yield from _first_only(self.name, lambda: self.pixels, start)


def missing_frames(last: Frame, every: int) -> str | None:
    """A warning if the header of a video announces frames after the last one that could be read."""
    if last.seconds is None:
        return None
    length = video_length(Path(last.source))
    if length - last.number <= every:
        return None
    return (
        f"{last.source}: damaged or cut off: the last frame that could be read is {last.number} "
        f"(from 0, {last.seconds:.1f} s), but its header announces {length} frames"
    )


def _first_only(name: str, read: Callable[[], RgbImage], start: int) -> Iterator[Frame]:
    if start == 0:
        yield Frame(source=name, number=0, seconds=None, read=read)


def _raising(error: UserError) -> Callable[[], RgbImage]:
    def read() -> RgbImage:
        raise error

    return read
