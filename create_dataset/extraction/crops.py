"""Turns a sequence of frames into aligned face crops."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from audetnet.errors import UserError
from audetnet.faces.alignment import Alignment, ByteImage, align
from audetnet.faces.detector import LandmarkDetector, landmark_detector
from audetnet.faces.head_pose import head_pose
from audetnet.faces.landmarks import LandmarkError, Points, read_landmarks
from audetnet.faces.opencv import cv2
from audetnet.faces.sources import DetectorName, LandmarkSource
from create_dataset.extraction.sources import Frame, Sequence, VideoFrames
from create_dataset.extraction.store import FrameWriter, ImageFormat, natural_sort_key

BAD = "listed as a bad frame"
NO_LANDMARKS = "no landmark file"
UNREADABLE_LANDMARKS = "unreadable landmark file"
UNREADABLE_IMAGE = "unreadable image"
UNUSABLE_LANDMARKS = "unusable landmarks"
NO_FACE = "no face found"
ROTATED = "head rotated too far"
NO_LABELS = "not in the AU table"
NO_SEQUENCE = "labelled, but no such video or images"
NOT_THERE = "labelled, but not in the video or folder"
LANDMARKS_ONLY = "landmark file, but no such frame in the video"


class LeftOutError(Exception):
    """Why a frame gives no crop."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How frames become crops."""

    landmarks: LandmarkSource
    alignment: Alignment
    image_format: ImageFormat
    max_rotation: float | None
    """Degrees of yaw and pitch."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A sequence, and what remains to be done."""

    sequence: Sequence
    wanted: frozenset[str] | None
    """Labelled ids of this sequence; None: all ids."""
    done: frozenset[str]
    length: int | None
    """Frames in the video, if an earlier run counted them."""
    record: Path


@dataclass(kw_only=True)
class Report:
    """The outcome for a sequence."""

    name: str
    written: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    """The first message in full, by reason."""
    several_faces: dict[str, int] = field(default_factory=dict)
    """Number of faces by frame id, if more than one."""
    length: int | None = None
    seconds: float = 0.0

    def leave_out(self, reason: str, frame_id: str, detail: str = "") -> None:
        """Add a frame."""
        self.left_out.setdefault(reason, []).append(frame_id)
        if detail:
            self.details.setdefault(reason, detail)


@dataclass(frozen=True)
class Extraction:
    """The work of a worker process; see worker_pool.Work."""

    settings: CropSettings
    unfinished: Path

    def __call__(
        self, job: Job, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Report:
        cv2.setNumThreads(1)  # the cores are shared by processes, not threads
        return SequenceExtraction(job, self.settings, self.unfinished, advance, stopped).run()


class SequenceExtraction:
    """Extracts what a job asks for. Reports each finished frame to ``advance`` and checks
    ``stopped`` before each; an extraction that is stopped keeps what it wrote.
    """

    def __init__(
        self,
        job: Job,
        settings: CropSettings,
        unfinished: Path,
        advance: Callable[[int], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._job, self._settings, self._unfinished = job, settings, unfinished
        self._advance, self._stopped = advance, stopped
        self._report = Report(name=job.sequence.name)

    def run(self) -> Report:
        """Raises UserError if a video has no frames or the disk is full."""
        start = time.perf_counter()
        known = self._known_length()
        writer = FrameWriter(self._unfinished, self._job.record, self._settings.image_format)
        try:
            if known is None:
                self._run_through(writer)
            else:
                self._run_over(self._job.sequence.frames.ids(known), writer)
                self._report.length = known
        finally:
            writer.close()
        self._name_missing_frames()
        self._report.seconds = time.perf_counter() - start
        return self._report

    def _known_length(self) -> int | None:
        frames = self._job.sequence.frames
        return self._job.length if isinstance(frames, VideoFrames) else frames.expected_length()

    def _run_through(self, writer: FrameWriter) -> None:
        """Read the whole video, whose length is known afterwards."""
        count = 0
        for frame in self._job.sequence.frames.stream():
            if self._stopped():
                return
            count += 1
            if frame.is_sampled:
                if self._needs_extraction(frame.frame_id):
                    self._extract(frame, writer)
                self._advance(1)
        self._report.length = count

    def _run_over(self, ids: list[str], writer: FrameWriter) -> None:
        """Extract these frames; opens nothing if all of them are done."""
        remaining = {frame_id for frame_id in ids if self._needs_extraction(frame_id)}
        self._advance(len(ids) - len(remaining))
        if not remaining:
            return
        for frame in self._job.sequence.frames.stream():
            if self._stopped():
                return
            if frame.frame_id in remaining:
                self._extract(frame, writer)
                self._advance(1)
                remaining.remove(frame.frame_id)
                if not remaining:
                    return
        for frame_id in sorted(remaining, key=natural_sort_key):
            self._report.leave_out(UNREADABLE_IMAGE, frame_id)

    def _needs_extraction(self, frame_id: str) -> bool:
        """Whether the frame must be decoded; reports a frame that is left out before that."""
        job = self._job
        if frame_id in job.done or not (job.wanted is None or frame_id in job.wanted):
            return False
        if frame_id in job.sequence.bad:
            self._report.leave_out(BAD, frame_id)
            return False
        if job.sequence.landmarks is not None and frame_id not in job.sequence.landmarks:
            self._report.leave_out(NO_LANDMARKS, frame_id)
            return False
        return True

    def _extract(self, frame: Frame, writer: FrameWriter) -> None:
        try:
            self._write_crop(frame, writer)
        except LeftOutError as error:
            self._report.leave_out(error.reason, frame.frame_id, error.detail)
        else:
            self._report.written += 1

    def _write_crop(self, frame: Frame, writer: FrameWriter) -> None:
        """Raises LeftOutError."""
        files = self._job.sequence.landmarks
        landmarks = None if files is None else _read(files[frame.frame_id])
        try:
            image = frame.read()
        except UserError as error:
            raise LeftOutError(UNREADABLE_IMAGE, str(error)) from error
        if landmarks is None:
            landmarks = self._detect(frame.frame_id, image)
        limit = self._settings.max_rotation
        try:
            pose = head_pose(landmarks, width=image.shape[1], height=image.shape[0])
            if limit is not None and pose.exceeds(limit):
                raise LeftOutError(ROTATED)
            crop = align(image, landmarks, self._settings.alignment)
        except LandmarkError as error:
            raise LeftOutError(UNUSABLE_LANDMARKS, f"{frame.frame_id}: {error}") from error
        writer.write(frame.frame_id, crop, pose)

    def _detect(self, frame_id: str, image: ByteImage) -> Points:
        """The landmarks of the largest face. Raises LeftOutError."""
        source = self._settings.landmarks
        assert source != "files"
        faces = _detector(source).faces(image)
        if not faces:
            raise LeftOutError(NO_FACE)
        if len(faces) > 1:
            self._report.several_faces[frame_id] = len(faces)
        return faces[0].points

    def _name_missing_frames(self) -> None:
        """Report ids that have labels or landmark files, but are not in the sequence."""
        if self._report.length is None:
            return
        sequence, wanted = self._job.sequence, self._job.wanted
        if isinstance(sequence.frames, VideoFrames):
            sequence = replace(sequence, frames=replace(sequence.frames, every=1))
        there = set(sequence.frames.ids(self._report.length))
        labelled = wanted or frozenset()
        for frame_id in sorted(labelled - there, key=natural_sort_key):
            self._report.leave_out(NOT_THERE, frame_id)
        files = sequence.landmarks or {}
        for frame_id in sorted(files.keys() - there - labelled, key=natural_sort_key):
            self._report.leave_out(LANDMARKS_ONLY, frame_id)


def _read(path: Path) -> Points:
    try:
        return read_landmarks(path)
    except LandmarkError as error:
        raise LeftOutError(UNREADABLE_LANDMARKS, str(error)) from error


@lru_cache
def _detector(name: DetectorName) -> LandmarkDetector:
    """One per process, so that its models are loaded once."""
    return landmark_detector(name)
