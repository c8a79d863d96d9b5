"""Any videos and folders of images, with or without landmark files."""

from collections.abc import Iterator
from pathlib import Path

from audetnet.data.images import SUFFIXES as IMAGE_SUFFIXES
from audetnet.errors import UserError, first_few
from audetnet.faces.landmarks import SUFFIXES as LANDMARK_SUFFIXES
from create_dataset.extraction.left_out import LeftOut
from create_dataset.extraction.sources import ImageFrames, Sequence, VideoFrames
from create_dataset.extraction.store import natural_sort_key
from create_dataset.labels.frame_ids import (
    add_unique,
    check_id,
    image_frame_id,
    video_frame_id,
    video_name,
)

_IMAGES_PER_SEQUENCE = 200
"""Few enough to keep all workers busy, enough to be worth sending as a job."""


def video_sequences(videos: list[Path], every: int, landmarks: Path | None) -> list[Sequence]:
    """One sequence per video; landmark files are named by frame id, ``clip_17.pts``.

    Raises UserError if two videos have the same name.
    """
    found: dict[str, Path] = {}
    for path in videos:
        add_unique(found, check_id(video_name(path), path), path)
    files = None if landmarks is None else _by_id(landmarks, LANDMARK_SUFFIXES, "landmark file")
    return [
        Sequence(
            name=stem,
            frames=VideoFrames(path, stem, every),
            landmarks=files and _of_video(files, stem),
        )
        for stem, path in sorted(found.items())
    ]


def image_sequences(directory: Path, landmarks: Path | None) -> list[Sequence]:
    """All images below a directory, in chunks; ``a/b/001.jpg`` becomes ``a_b_001``, and its
    landmark file is ``a/b/001.pts`` in the landmark folder.

    Raises UserError if two files get the same id.
    """
    images = _by_id(directory, IMAGE_SUFFIXES, "image")
    files = None if landmarks is None else _by_id(landmarks, LANDMARK_SUFFIXES, "landmark file")
    ids = sorted(images, key=natural_sort_key)
    parts = [ids[at : at + _IMAGES_PER_SEQUENCE] for at in range(0, len(ids), _IMAGES_PER_SEQUENCE)]
    return [
        Sequence(
            name=part[0],
            frames=ImageFrames({name: images[name] for name in part}),
            landmarks=files and {name: files[name] for name in part if name in files},
        )
        for part in parts
    ]


def unused_files(directory: Path) -> tuple[LeftOut, ...]:
    """The files below an image directory that are neither readable images nor landmarks."""
    known = (*IMAGE_SUFFIXES, *LANDMARK_SUFFIXES)
    reason = f"file whose ending is not {', '.join(IMAGE_SUFFIXES)}"
    return tuple(
        LeftOut("", reason, str(path))
        for path in _visible_files(directory)
        if path.suffix.lower() not in known
    )


def _by_id(directory: Path, suffixes: tuple[str, ...], kind: str) -> dict[str, Path]:
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; expected a folder of {kind}s")
    found: dict[str, Path] = {}
    for path in _visible_files(directory):
        if path.suffix.lower() in suffixes:
            frame_id = image_frame_id(path.relative_to(directory))
            add_unique(found, check_id(frame_id, path), path)
    if not found:
        endings = sorted({path.suffix for path in _visible_files(directory)})
        others = f", found only {first_few(endings)}" if endings else ""
        raise UserError(f"{directory}: no {kind}; expected {', '.join(suffixes)}{others}")
    return found


def _visible_files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if not hidden and path.is_file():
            yield path


def _of_video(files: dict[str, Path], stem: str) -> dict[str, Path]:
    """The landmark files of a video by frame id; frame numbers in file names may be zero-padded."""
    found: dict[str, Path] = {}
    for name, path in files.items():
        video, _, number = name.rpartition("_")
        if video == stem and number.isdecimal():
            add_unique(found, video_frame_id(stem, int(number)), path)
    return found
