"""DISFA as distributed: videos from two cameras and a landmark file for each frame."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from audetnet.errors import UserError
from create_dataset.extraction.sources import Sequence, VideoFrames
from create_dataset.labels.disfa import DISFA
from create_dataset.labels.frame_ids import add_unique, video_frame_id
from create_dataset.summary import Summary

Camera = Literal["left", "right"]
BAD_FRAMES_FILE = DISFA / "bad_frames.csv"
_VIDEO_FOLDER = r"videos?_{camera}camera"
_VIDEO = r"{camera}video(sn\d+)(_comp)?\.(avi|mp4|mkv|mov)"
_ZERO_BASED = re.compile(r"(SN\d+)_(\d+)_lm", re.IGNORECASE)
_ONE_BASED = re.compile(r"l(\d+)_lm", re.IGNORECASE)


def disfa_sequences(
    raw: Path, camera: Camera, files: bool, drop_bad_frames: bool, summary: Summary
) -> list[Sequence]:
    """One sequence for each subject that has a video and, with ``files``, landmark files to read.

    Raises UserError if the folders are not DISFA's.
    """
    videos = _videos(raw, camera, summary)
    landmarks: dict[str, dict[str, Path]] = _landmarks(raw, summary) if files else {}
    bad = bad_frames() if drop_bad_frames else frozenset()
    if files:
        summary.left_out("video without landmark files", sorted(videos.keys() - landmarks.keys()))
        summary.left_out("landmark files without video", sorted(landmarks.keys() - videos.keys()))
    return [
        Sequence(
            name=subject,
            frames=VideoFrames(path, subject),
            landmarks=landmarks[subject] if files else None,
            bad=frozenset(frame for frame in bad if frame.startswith(f"{subject}_")),
        )
        for subject, path in sorted(videos.items())
        if not files or subject in landmarks
    ]


def bad_frames() -> frozenset[str]:
    """Ids of the frames listed as bad."""
    lines = BAD_FRAMES_FILE.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return frozenset(
        video_frame_id(row["subject"], number)
        for row in rows
        for number in range(int(row["first"]), int(row["last"]) + 1)
    )


def _videos(raw: Path, camera: Camera, summary: Summary) -> dict[str, Path]:
    if not raw.is_dir():
        raise UserError(f"{raw}: no such directory; expected DISFA's videos and landmarks there")
    folders = _folders(raw, _VIDEO_FOLDER.format(camera=camera))
    found: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        match = re.fullmatch(_VIDEO.format(camera=camera), path.name, re.IGNORECASE)
        if match:
            add_unique(found, match[1].upper(), path)
        elif path.is_file() and not path.name.startswith("."):
            summary.left_out("file whose name is not that of a DISFA video", [str(path)])
    if not found:
        name = camera.capitalize()
        raise UserError(
            f"{raw}: no video of the {camera} camera; expected "
            f"Videos_{name}Camera/{name}VideoSN001_comp.avi and so on"
        )
    return found


def _landmarks(raw: Path, summary: Summary) -> dict[str, dict[str, Path]]:
    """By subject, then by frame id."""
    found = {
        folder.name.upper(): _landmarks_of(folder, summary)
        for parent in _folders(raw, "landmark_points")
        for folder in _folders(parent, r"sn\d+")
    }
    found = {subject: files for subject, files in found.items() if files}
    if not found:
        raise UserError(
            f"{raw}: no landmark files; expected "
            "Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat and so on (--landmarks facemesh "
            "detects the faces instead)"
        )
    return found


def _landmarks_of(folder: Path, summary: Summary) -> dict[str, Path]:
    subject = folder.name.upper()
    files: dict[str, Path] = {}
    for place in (folder, *_folders(folder, "tmp_frame_lm")):
        for path in sorted(place.glob("*.[mM][aA][tT]")):
            number = _frame_number(path.stem, subject)
            if number is None:
                summary.left_out("landmark file whose name is not DISFA's", [str(path)])
            else:
                add_unique(files, video_frame_id(subject, number), path)
    return files


def _frame_number(stem: str, subject: str) -> int | None:
    """Counted from 0; the files of some subjects count from 1."""
    if match := _ZERO_BASED.fullmatch(stem):
        return int(match[2]) if match[1].upper() == subject else None
    if match := _ONE_BASED.fullmatch(stem):
        return int(match[1]) - 1 if int(match[1]) > 0 else None
    return None


def _folders(parent: Path, pattern: str) -> Iterator[Path]:
    """Folders whose whole name matches, in any case."""
    for path in sorted(parent.iterdir()):
        if path.is_dir() and re.fullmatch(pattern, path.name, re.IGNORECASE):
            yield path
