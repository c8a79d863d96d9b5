"""Sequences of frames to the images of a dataset directory, with what was left out and why."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audetnet.console import counted, note
from audetnet.errors import UserError
from audetnet.lock import locked
from audetnet.progress import ProgressBar
from create_dataset.extraction import NOT_THERE, CropSettings, Job, Report
from create_dataset.frame_sources import ImageFrames, Sequence, VideoFrames
from create_dataset.frame_store import FrameStore, Parameters, VideoLength
from create_dataset.frame_workers import extract_all
from create_dataset.summary import Summary

_BUSY = "another process extracts frames there; wait for it, or choose another directory"


@dataclass(frozen=True)
class Request:
    """What is to be extracted, and how."""

    sequences: list[Sequence]
    labelled: frozenset[str] | None
    """Ids to extract; None: all."""
    settings: CropSettings
    parameters: Parameters
    """What all frames of the directory must have in common."""
    workers: int


def extract_dataset(request: Request, out: Path, summary: Summary) -> None:
    """Extract what is missing in ``out`` and print the summary.

    Raises UserError where nothing could be extracted and at files that stop the work.
    """
    with locked(out, _BUSY):
        store = FrameStore(out, request.parameters)
        before = len(store.poses)
        start = time.perf_counter()
        reports = _extract(request, store, summary)
        try:
            count = store.finish()
        except UserError:
            _explain(reports, summary)
            summary.show()
            raise
    written = sum(report.written for report in reports)
    size, kind = request.settings.alignment.size, request.settings.image_format
    speed = _speed(written, time.perf_counter() - start, reports)
    summary.wrote(
        store.images,
        f"{counted(count, 'frame')} of {size}x{size} ({kind}), {count - before} of them new{speed}",
    )
    summary.wrote(out / "frames.csv", "their head rotation in degrees")
    _explain(reports, summary)
    summary.show()


def _extract(request: Request, store: FrameStore, summary: Summary) -> list[Report]:
    jobs = _jobs(request, store, summary)
    expected = sum(_expected_frames(job) for job in jobs)
    reports = []
    try:
        with (
            ProgressBar("frames", expected, unit="frame") as bar,
            closing(
                extract_all(jobs, request.settings, store.unfinished, request.workers, bar.advance)
            ) as ended,
        ):
            for report in ended:
                reports.append(report)
                _keep_length(report, request, store)
    except KeyboardInterrupt:
        note(f"{store.unfinished}: what was extracted is kept there")
        raise
    return sorted(reports, key=lambda report: report.name)


def _jobs(request: Request, store: FrameStore, summary: Summary) -> list[Job]:
    """A job a sequence that has anything to extract."""
    wanted = _wanted(request, summary)
    jobs = []
    for number, sequence in enumerate(request.sequences):
        labelled = None if wanted is None else wanted[sequence.name]
        if labelled is not None and not labelled:
            summary.left_out("sequence without labels", [sequence.name])
            continue
        frames = sequence.frames
        if isinstance(frames, VideoFrames):
            done = frozenset(f for f in store.poses if f.rpartition("_")[0] == frames.prefix)
        else:
            done = frozenset(frames.files.keys() & store.poses.keys())
        length = _known_length(sequence, store)
        jobs.append(Job(sequence, labelled, done, length, store.record_path(number)))
    return jobs


def _wanted(request: Request, summary: Summary) -> dict[str, frozenset[str]] | None:
    """Labelled ids by the name of their sequence; those without one are named."""
    if request.labelled is None:
        return None
    by_prefix: dict[str, set[str]] = {}
    for frame_id in request.labelled:
        by_prefix.setdefault(frame_id.rpartition("_")[0], set()).add(frame_id)
    wanted, seen_prefixes = {}, set()
    for sequence in request.sequences:
        frames = sequence.frames
        if isinstance(frames, VideoFrames):
            wanted[sequence.name] = frozenset(by_prefix.get(frames.prefix, ()))
            seen_prefixes.add(frames.prefix)
        else:
            wanted[sequence.name] = request.labelled & frames.files.keys()
            seen_prefixes |= {frame_id.rpartition("_")[0] for frame_id in frames.files}
    homeless = request.labelled - frozenset().union(*wanted.values())
    lost = sorted({frame_id.rpartition("_")[0] for frame_id in homeless} - seen_prefixes)
    summary.left_out("labelled, but no video or images of it", lost)
    summary.left_out(
        NOT_THERE, sorted(f for f in homeless if f.rpartition("_")[0] in seen_prefixes)
    )
    return wanted


def _known_length(sequence: Sequence, store: FrameStore) -> int | None:
    """Frames of a video that an earlier run has counted, unless the file has changed since."""
    length = store.lengths.get(sequence.name)
    if length is None or isinstance(sequence.frames, ImageFrames):
        return None
    return length.frames if length.bytes == sequence.frames.path.stat().st_size else None


def _keep_length(report: Report, request: Request, store: FrameStore) -> None:
    frames = next(s.frames for s in request.sequences if s.name == report.name)
    if isinstance(frames, VideoFrames) and report.length is not None:
        size = frames.path.stat().st_size
        store.learn_length(report.name, VideoLength(report.length, size))


def _expected_frames(job: Job) -> int:
    frames = job.sequence.frames
    length = frames.expected_length() if job.length is None else job.length
    return len(frames.ids(length))


def _explain(reports: list[Report], summary: Summary) -> None:
    """What was left out, with the first message of each reason."""
    details: dict[str, str] = {}
    for report in reports:
        for reason, names in report.left_out.items():
            summary.left_out(reason, names)
        details = {**report.details, **details}
    for reason, detail in details.items():
        summary.note(f"first {reason}: {detail}")


def _speed(written: int, seconds: float, reports: list[Report]) -> str:
    if not written:
        return ""
    busy = sum(report.seconds for report in reports)
    return f" ({written / seconds:.0f} frames/s, {written / busy:.0f} a worker)"
