"""Where frames come from: image files, videos and arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audetnet.data.images import RgbImage, read_upright
from audetnet.data.videos import video_frames
from audetnet.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of a video, or an image: its number 0, without a time."""

    source: str
    number: int
    seconds: float | None
    read: Callable[[], RgbImage]
    """Raises UserError."""


class FrameSource(Protocol):
    """What frames are read from."""

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """Every N-th frame from number ``start`` on. Nothing is raised: what cannot be read is a
        frame that raises when it is read.
        """


@dataclass(frozen=True)
class Source:
    """An image file or a video."""

    path: Path
    is_video: bool

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """See FrameSource."""
        name = str(self.path)
        if not self.is_video:
            yield from _first_only(name, lambda: read_upright(self.path), start)
            return
        try:
            for frame in video_frames(self.path):
                if frame.number >= start and frame.number % every == 0:
                    yield Frame(
                        source=name, number=frame.number, seconds=frame.seconds, read=frame.read
                    )
        except UserError as error:
            yield from _first_only(name, _raising(error), start)


@dataclass(frozen=True)
class ArrayImage:
    """An RGB image (H, W, 3), uint8, that is in memory."""

    name: str
    pixels: RgbImage

    def frames(self, every: int, start: int = 0) -> Iterator[Frame]:
        """See FrameSource."""
        yield from _first_only(self.name, lambda: self.pixels, start)


def _first_only(name: str, read: Callable[[], RgbImage], start: int) -> Iterator[Frame]:
    if start == 0:
        yield Frame(source=name, number=0, seconds=None, read=read)


def _raising(error: UserError) -> Callable[[], RgbImage]:
    def read() -> RgbImage:
        raise error

    return read
