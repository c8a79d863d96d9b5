"""Stores extracted frames so that no run leaves half a dataset behind or repeats work.

Until all sequences are done, images are in ``OUT/frames.unfinished/imgs``, and append-only records
next to them, one per sequence and run, list what was written. Then ``frames.csv`` (frame_id and the
head's yaw, pitch, roll in degrees) and ``frames.json`` are written, the images move to ``OUT/imgs``
and the unfinished folder is removed. A run killed at any point can be resumed.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from audetnet.errors import UserError, first_line
from audetnet.faces.alignment import ByteImage
from audetnet.faces.head_pose import HeadPose
from audetnet.files.atomic import FileError, atomic_write, write_errors, write_text
from audetnet.files.csv import Cell, csv_text, read_csv, write_csv

ImageFormat = Literal["jpg", "png"]
JPEG_QUALITY = 95
UNFINISHED = "frames.unfinished"
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading other JSON as a description may raise."""
DESCRIPTION_FILE = "frames.json"
"""How the frames were made."""
_HEADER = ["frame_id", "yaw", "pitch", "roll"]
_NUMBERS = re.compile(r"(\d+)")
Parameters = Mapping[str, str | int | float | bool | None]
"""What all frames of a dataset have in common, by flag name."""


@dataclass(frozen=True)
class VideoLength:
    """Number of frames that a video of this size in bytes turned out to have."""

    frames: int
    bytes: int


class FrameStore:
    """The frames of an output directory. Raises UserError if an earlier run had other parameters,
    or if ``imgs`` holds images from elsewhere.
    """

    def __init__(self, out: Path, parameters: Parameters) -> None:
        self.out, self.images = out, out / "imgs"
        self.unfinished = out / UNFINISHED
        self.parameters = parameters
        self._suffix = f".{parameters['format']}"
        self._table, self._description = out / "frames.csv", out / DESCRIPTION_FILE
        try:
            self._check_origin()
            self.lengths = self._read_lengths()
            self.poses = self._read_poses()
            for folder in ("imgs", "records", "parts"):
                (self.unfinished / folder).mkdir(parents=True, exist_ok=True)
            write_text(self.unfinished / DESCRIPTION_FILE, self._describe())
        except OSError as error:
            raise FileError(f"{out}: cannot be used: {error.strerror}") from error

    def record_path(self, sequence: int) -> Path:
        """A record file that no run has used."""
        folder = self.unfinished / "records"
        run = 0
        while (path := folder / f"{sequence}.{run}.csv").exists():
            run += 1
        return path

    def learn_length(self, name: str, length: VideoLength) -> None:
        """Record the length of a video: a later run that needs no frame of it need not open it."""
        self.lengths[name] = length
        write_text(self.unfinished / DESCRIPTION_FILE, self._describe())

    def finish(self) -> int:
        """Turn it into a dataset; returns the number of frames. Raises UserError if none."""
        self.poses = self._read_poses()
        if not self.poses:
            shutil.rmtree(self.unfinished)
            raise UserError(f"{self.out}: no frame could be extracted, so nothing was written")
        write_csv(self._table, [_HEADER, *_rows(self.poses)])
        write_text(self._description, self._describe())
        made = self.unfinished / "imgs"
        with write_errors(self.out):
            if not self.images.exists():
                made.rename(self.images)
            else:
                for path in made.iterdir():
                    path.replace(self.images / path.name)
            shutil.rmtree(self.unfinished)
        return len(self.poses)

    def _check_origin(self) -> None:
        """Refuse to mix frames made with other parameters; remove an unfinished folder without
        frames.
        """
        made = self.unfinished / "imgs"
        if made.is_dir() and not any(made.iterdir()):
            shutil.rmtree(self.unfinished)
        for path in (self._description, self.unfinished / DESCRIPTION_FILE):
            if path.is_file():
                self._compare(path, _read_description(path)[0])
        if not self._description.is_file() and self.images.is_dir() and any(self.images.iterdir()):
            raise UserError(
                f"{self.images}: holds images, but there is no {self._description} that says how "
                "they were made; extract into another directory, or delete them if they are "
                "uncropped photographs"
            )

    def _compare(self, path: Path, earlier: Mapping[str, Any]) -> None:
        for name in dict.fromkeys((*self.parameters, *earlier)):
            before, now = earlier.get(name), self.parameters.get(name)
            if before != now:
                raise UserError(
                    f"{path}: these frames were made with {name} = {before}, not {now}; use the "
                    "same flags, or extract into another directory"
                )

    def _describe(self) -> str:
        lengths = {name: asdict(length) for name, length in sorted(self.lengths.items())}
        content = {"parameters": self.parameters, "videos": lengths}
        return json.dumps(content, indent=2) + "\n"

    def _read_lengths(self) -> dict[str, VideoLength]:
        lengths: dict[str, VideoLength] = {}
        for path in (self._description, self.unfinished / DESCRIPTION_FILE):
            if path.is_file():
                lengths |= _read_description(path)[1]
        return lengths

    def _read_poses(self) -> dict[str, HeadPose]:
        """By id, for all frames that have an image."""
        poses: dict[str, HeadPose] = {}
        if self._table.is_file():
            poses.update(_read_rows(self._table))
        for path in sorted((self.unfinished / "records").glob("*.csv")):
            poses.update(_read_rows(path))
        there = {*_files(self.images), *_files(self.unfinished / "imgs")}
        return {name: pose for name, pose in poses.items() if name + self._suffix in there}


class FrameWriter:
    """Writes the frames of one sequence: each image atomically, then a line in the record.

    Raises FileError if writing fails.
    """

    def __init__(self, unfinished: Path, record: Path, image_format: ImageFormat) -> None:
        self._unfinished, self._suffix = unfinished, f".{image_format}"
        self._options: dict[str, Any] = {"quality": JPEG_QUALITY} if image_format == "jpg" else {}
        # Each process has its own partial file.
        self._part = unfinished / "parts" / f"{os.getpid()}{self._suffix}"
        with write_errors(record):
            self._record = record.open("x", encoding="utf-8")

    def write(self, frame_id: str, image: ByteImage, pose: HeadPose) -> None:
        """Write one RGB image."""
        path = self._unfinished / "imgs" / f"{frame_id}{self._suffix}"
        with atomic_write(path, staging=self._part) as part:
            Image.fromarray(image).save(part, **self._options)
        with write_errors(path):
            self._record.write(csv_text([_row(frame_id, pose)]))
            self._record.flush()

    def close(self) -> None:
        """Close the record."""
        self._record.close()


def natural_sort_key(name: str) -> list[tuple[int, str]]:
    """A key that sorts SN001_9 before SN001_10."""
    parts = _NUMBERS.split(name)
    return [(int(part), part) if part.isdecimal() else (0, part) for part in parts]


def _files(directory: Path) -> Iterable[str]:
    """Names of the files that are not empty; a power failure may leave empty ones."""
    if not directory.is_dir():
        return []
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.stat().st_size]


def _row(frame_id: str, pose: HeadPose) -> list[Cell]:
    return [frame_id, *(round(degrees, 2) for degrees in (pose.yaw, pose.pitch, pose.roll))]


def _rows(poses: Mapping[str, HeadPose]) -> list[list[Cell]]:
    return [_row(name, poses[name]) for name in sorted(poses, key=natural_sort_key)]


def _read_rows(path: Path) -> dict[str, HeadPose]:
    """Rows of frames.csv or of a record, without a last line that was cut off by a kill."""
    poses = {}
    rows = read_csv(path)
    if rows and not path.read_bytes().endswith(b"\n"):
        rows.pop()
    for number, row in enumerate(rows, start=1):
        if row == _HEADER:
            continue
        try:
            frame_id, yaw, pitch, roll = row
            poses[frame_id] = HeadPose(float(yaw), float(pitch), float(roll))
        except ValueError as error:
            raise UserError(
                f"{path}:{number}: expected {','.join(_HEADER)}, not '{','.join(row)}'; extract "
                "into another directory"
            ) from error
    return poses


def _read_description(path: Path) -> tuple[dict[str, Any], dict[str, VideoLength]]:
    """The parameters and the lengths of the videos that an earlier run wrote."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lengths = {
            name: VideoLength(int(length["frames"]), int(length["bytes"]))
            for name, length in content["videos"].items()
        }
        parameters = dict(content["parameters"].items())
        if parameters.get("landmarks") == "detector":  # dlib, while it was the only one
            parameters["landmarks"] = "dlib"
        return parameters, lengths
    except _MALFORMED as error:
        raise UserError(
            f"{path}: not the JSON file that an earlier run wrote: {first_line(error)}; extract "
            "into another directory"
        ) from error
