"""Resolves paths from the command line to image files and videos, in order."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audetnet.data.images import SUFFIXES as IMAGE_SUFFIXES
from audetnet.errors import UserError, first_few
from audetnet.faces.opencv import need_opencv
from audetnet.prediction.frames import Source

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts", ".ts"),
)
_SUFFIXES = (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)


@dataclass(frozen=True)
class Sources:
    """Each file once. ``skipped``: number of other files in the folders."""

    files: tuple[Source, ...]
    skipped: int


def find_sources(texts: Sequence[str]) -> Sources:
    """Resolve files, folders (recursively) and patterns such as ``'clips/*.mp4'``. A named file
    without an image suffix is treated as a video. Raises UserError if there is nothing, or
    for videos without OpenCV.
    """
    found: dict[Path, Source] = {}
    skipped = 0
    for text in texts:
        named = [Path(text)] if Path(text).exists() else _matching(text)
        if not named:
            raise UserError(f"{text}: no such file; expected images, videos, folders or patterns")
        for path in named:
            if not path.is_dir():
                found.setdefault(path, Source(path, path.suffix.lower() not in IMAGE_SUFFIXES))
                continue
            files = list(_visible_files(path))
            known = [file for file in files if file.suffix.lower() in _SUFFIXES]
            skipped += len(files) - len(known)
            for file in known:
                found.setdefault(file, Source(file, file.suffix.lower() in VIDEO_SUFFIXES))
    if not found:
        raise UserError(f"{first_few(list(texts))}: no images or videos ({', '.join(_SUFFIXES)})")
    if any(source.is_video for source in found.values()):
        need_opencv()
    return Sources(tuple(found.values()), skipped)


def _matching(text: str) -> list[Path]:
    return [Path(name) for name in sorted(glob.glob(text, recursive=True))]


def _visible_files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if not hidden and path.is_file():
            yield path
