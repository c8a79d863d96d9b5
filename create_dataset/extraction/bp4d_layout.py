"""BP4D as distributed: a folder of numbered images for each subject and task."""

import re
from collections.abc import Iterator
from pathlib import Path

from audetnet.data.images import SUFFIXES as IMAGE_SUFFIXES
from audetnet.errors import UserError
from audetnet.faces.landmarks import SUFFIXES as LANDMARK_SUFFIXES
from create_dataset.extraction.sources import ImageFrames, Sequence
from create_dataset.labels.bp4d import frame_id
from create_dataset.labels.frame_ids import add_unique
from create_dataset.summary import Summary

_SUBJECT = re.compile(r"[FM]\d+", re.IGNORECASE)
_KNOWN_SUFFIXES = (*IMAGE_SUFFIXES, *LANDMARK_SUFFIXES)
_TASK = re.compile(r"T\d+", re.IGNORECASE)


def bp4d_sequences(images: Path, landmarks: Path | None, summary: Summary) -> list[Sequence]:
    """One sequence for each subject and task that has images.

    Raises UserError if the folders are not BP4D's, or if two files are the same frame.
    """
    found = _files(images, IMAGE_SUFFIXES, "image", summary)
    if not found:
        raise UserError(f"{images}: no images; expected F001/T1/0643.jpg and so on")
    if landmarks is None:
        return [
            Sequence(name=name, frames=ImageFrames(files)) for name, files in sorted(found.items())
        ]
    points = _files(landmarks, LANDMARK_SUFFIXES, "landmark file", summary)
    if not points:
        raise UserError(f"{landmarks}: no landmark files; expected F001/T1/0643.mat and so on")
    summary.left_out("images without landmark files", sorted(found.keys() - points.keys()))
    summary.left_out("landmark files without images", sorted(points.keys() - found.keys()))
    return [
        Sequence(name=name, frames=ImageFrames(files), landmarks=points[name])
        for name, files in sorted(found.items())
        if name in points
    ]


def _files(
    directory: Path, suffixes: tuple[str, ...], kind: str, summary: Summary
) -> dict[str, dict[str, Path]]:
    """Files by sequence and frame id; sequences without files are left out."""
    numbered = {
        name: _numbered(folder, name, suffixes, kind, summary) for name, folder in _tasks(directory)
    }
    return {name: files for name, files in numbered.items() if files}


def _tasks(directory: Path) -> Iterator[tuple[str, Path]]:
    """(F001_T1, its folder)."""
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; expected F001/T1/0643.jpg and so on")
    for subject in sorted(directory.iterdir()):
        if subject.is_dir() and _SUBJECT.fullmatch(subject.name):
            for task in sorted(subject.iterdir()):
                if task.is_dir() and _TASK.fullmatch(task.name):
                    yield f"{subject.name.upper()}_{task.name.upper()}", task


def _numbered(
    folder: Path, name: str, suffixes: tuple[str, ...], kind: str, summary: Summary
) -> dict[str, Path]:
    """Files by frame id, sorted by number."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            if path.suffix.lower() not in _KNOWN_SUFFIXES and not path.name.startswith("."):
                summary.left_out(f"file whose ending is not that of a {kind}", [str(path)])
        elif path.stem.isdecimal():
            add_unique(files, frame_id(name, int(path.stem)), path)
        else:
            summary.left_out(f"{kind} whose name is not a frame number", [str(path)])
    return dict(sorted(files.items(), key=lambda item: int(item[1].stem)))
