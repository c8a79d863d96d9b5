"""Draws a finished prediction into its images and videos."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path

from PIL import Image

from audetnet.console.progress import ProgressBar
from audetnet.data.images import RgbImage
from audetnet.data.videos import video_rate
from audetnet.errors import UserError
from audetnet.faces.opencv import cv2
from audetnet.files.atomic import atomic_write
from audetnet.prediction.drawn_faces import draw_faces
from audetnet.prediction.frames import Source
from audetnet.prediction.table import Row
from audetnet.prediction.table_file import read_rows

_CODEC = "mp4v"
_VIDEO_SUFFIX = ".mp4"


def draw_files(
    table: Path,
    sources: Sequence[Source],
    directory: Path,
    thresholds: Mapping[str, float],
    every: int,
    overwrite: bool,
) -> int:
    """Draw every readable source into ``directory``, keeping its path relative to the common
    parent. Existing files are kept unless ``overwrite``. Returns how many were drawn. Raises
    UserError.
    """
    by_input: dict[str, list[Row]] = {}
    for row in read_rows(table):
        by_input.setdefault(str(row["input"]), []).append(row)
    shared = Path(os.path.commonpath([source.path.absolute().parent for source in sources]))
    count = 0
    with ProgressBar("drawing", len(sources), unit="file") as bar:
        for source in sources:
            target = directory / source.path.absolute().relative_to(shared)
            if source.is_video and target.suffix != _VIDEO_SUFFIX:
                target = target.with_name(f"{target.name}{_VIDEO_SUFFIX}")
            frames = _drawn_frames(source, by_input.get(str(source.path), []), thresholds, every)
            if (overwrite or not target.exists()) and _write(source, target, frames, every):
                count += 1
            bar.advance()
    return count


def _drawn_frames(
    source: Source, rows: Sequence[Row], thresholds: Mapping[str, float], every: int
) -> Iterator[RgbImage]:
    """The frames that have rows, skipping unreadable ones."""
    of_frame = {number: list(own) for number, own in groupby(rows, key=lambda row: row["frame"])}
    for frame in source.frames(every):
        if frame.number in of_frame:
            try:
                image = frame.read()
            except UserError:
                continue
            yield draw_faces(image, of_frame[frame.number], thresholds)


def _write(source: Source, target: Path, frames: Iterator[RgbImage], every: int) -> bool:
    """Returns whether there was anything to write."""
    first = next(frames, None)
    if first is None:
        return False
    if not source.is_video:
        with atomic_write(target) as unfinished:
            Image.fromarray(first).save(
                unfinished, "PNG" if target.suffix.lower() == ".png" else "JPEG"
            )
        return True
    passing = target.with_name(f".unfinished-{target.name}")
    with atomic_write(target, passing) as unfinished:
        height, width = first.shape[:2]
        rate = video_rate(source.path) / every
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        writer = cv2.VideoWriter(str(unfinished), codec, rate, (width, height))
        if not writer.isOpened():
            raise UserError(f"{target}: this OpenCV cannot write {_CODEC} videos")
        try:
            for image in chain([first], frames):
                writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
    return True
