"""Where extracted frames are kept, so that no run leaves half a dataset and none does work twice.

Until all sequences are through, images are in ``OUT/frames.unfinished/imgs`` and what was written
in append-only records beside them, one a sequence and run. Then ``frames.csv`` (frame_id and the
head's yaw, pitch, roll in degrees) and ``frames.json`` are written, the images move to ``OUT/imgs``
and the unfinished folder goes. A kill at any point leaves what the next run goes on from.
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
"""What JSON of another origin raises where it is read as a description."""
DESCRIPTION_FILE = "frames.json"
"""How the frames were made."""
_HEADER = ["frame_id", "yaw", "pitch", "roll"]
_NUMBERS = re.compile(r"(\d+)")
Parameters = Mapping[str, str | int | float | bool | None]
"""What all frames of a dataset have in common, by the name of its flag."""


@dataclass(frozen=True)
class VideoLength:
    """Number of frames that a video of so many bytes turned out to have."""

    frames: int
    bytes: int


class FrameStore:
    """The frames of an output directory. Raises UserError where an earlier run had other
    parameters, or where ``imgs`` holds images of another origin.
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
        """A record file that no run has used yet."""
        folder = self.unfinished / "records"
        run = 0
        while (path := folder / f"{sequence}.{run}.csv").exists():
            run += 1
        return path

    def learn_length(self, name: str, length: VideoLength) -> None:
        """Keep how long a video is: a later run that needs none of its frames need not open it."""
        self.lengths[name] = length
        write_text(self.unfinished / DESCRIPTION_FILE, self._describe())

    def finish(self) -> int:
        """Make it a dataset; returns how many frames it has. Raises UserError if none."""
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
        """Frames of other parameters are not mixed; an unfinished folder without frames is none."""
        made = self.unfinished / "imgs"
        if made.is_dir() and not any(made.iterdir()):
            shutil.rmtree(self.unfinished)
        for path in (self._description, self.unfinished / DESCRIPTION_FILE):
            if path.is_file():
                self._compare(path, _read_description(path)[0])
        if not self._description.is_file() and self.images.is_dir() and any(self.images.iterdir()):
            raise UserError(
                f"{self.images}: holds images, but {self._description} does not say how they were "
                "made; extract into another directory, or delete them if they are photographs that "
                "are yet to be cropped"
            )

    def _compare(self, path: Path, earlier: Mapping[str, Any]) -> None:
        for name in dict.fromkeys((*self.parameters, *earlier)):
            before, now = earlier.get(name), self.parameters.get(name)
            if before != now:
                raise UserError(
                    f"{path}: the frames there were made with {name} = {before}, not {now}; give "
                    "the same flags again, or extract into another directory"
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
        """By id, of all frames whose image is there."""
        poses: dict[str, HeadPose] = {}
        if self._table.is_file():
            poses.update(_read_rows(self._table))
        for path in sorted((self.unfinished / "records").glob("*.csv")):
            poses.update(_read_rows(path))
        there = {*_files(self.images), *_files(self.unfinished / "imgs")}
        return {name: pose for name, pose in poses.items() if name + self._suffix in there}


class FrameWriter:
    """Writes the frames of one sequence: each whole or not at all, then a line into the record.

    Raises FileError where the disk refuses.
    """

    def __init__(self, unfinished: Path, record: Path, image_format: ImageFormat) -> None:
        self._unfinished, self._suffix = unfinished, f".{image_format}"
        self._options: dict[str, Any] = {"quality": JPEG_QUALITY} if image_format == "jpg" else {}
        # Each process has one file that is being written; nobody else writes there.
        self._part = unfinished / "parts" / f"{os.getpid()}{self._suffix}"
        with write_errors(record):
            self._record = record.open("x", encoding="utf-8")

    def write(self, frame_id: str, image: ByteImage, pose: HeadPose) -> None:
        """Keep one RGB image."""
        path = self._unfinished / "imgs" / f"{frame_id}{self._suffix}"
        with atomic_write(path, staging=self._part) as part:
            Image.fromarray(image).save(part, **self._options)
        with write_errors(path):
            self._record.write(csv_text([_row(frame_id, pose)]))
            self._record.flush()

    def close(self) -> None:
        """Give the record back."""
        self._record.close()


def natural_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts SN001_9 before SN001_10."""
    parts = _NUMBERS.split(name)
    return [(int(part), part) if part.isdecimal() else (0, part) for part in parts]


def _files(directory: Path) -> Iterable[str]:
    """Names of the files that are not empty, as a system that lost its power leaves them."""
    if not directory.is_dir():
        return []
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.stat().st_size]


def _row(frame_id: str, pose: HeadPose) -> list[Cell]:
    return [frame_id, *(round(degrees, 2) for degrees in (pose.yaw, pose.pitch, pose.roll))]


def _rows(poses: Mapping[str, HeadPose]) -> list[list[Cell]]:
    return [_row(name, poses[name]) for name in sorted(poses, key=natural_order)]


def _read_rows(path: Path) -> dict[str, HeadPose]:
    """Rows of frames.csv or of a record; a last line without its end, torn by a kill, is none."""
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
        if (
            parameters.get("landmarks") == "detector"
        ):  # as dlib was called while it was the only one
            parameters["landmarks"] = "dlib"
        return parameters, lengths
    except _MALFORMED as error:
        raise UserError(
            f"{path}: not the JSON file that an earlier run wrote: {first_line(error)}; extract "
            "into another directory"
        ) from error
