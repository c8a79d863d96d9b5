"""Extracts sequences of frames to a dataset directory, and reports what was left out and why."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audetnet.console.lines import counted, note
from audetnet.console.progress import ProgressBar
from audetnet.data.metadata import read_metadata, update_metadata
from audetnet.errors import UserError, first_few
from audetnet.files.lock import locked
from create_dataset.extraction.crops import (
    NO_LABELS,
    NO_SEQUENCE,
    NOT_THERE,
    CropSettings,
    Extraction,
    Job,
    Report,
)
from create_dataset.extraction.left_out import LeftOut, write_left_out
from create_dataset.extraction.sources import ImageFrames, Sequence, VideoFrames
from create_dataset.extraction.store import FrameStore, Parameters, VideoLength, natural_sort_key
from create_dataset.labels.frame_ids import sequence_name
from create_dataset.summary import Summary
from create_dataset.worker_pool import run_jobs

_BUSY = "another process is extracting frames there; wait for it, or choose another directory"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to extract, and how."""

    sequences: list[Sequence]
    labelled: frozenset[str] | None
    """Ids to extract; None: all."""
    settings: CropSettings
    parameters: Parameters
    """What all frames in the directory must have in common."""
    workers: int
    skipped: tuple[LeftOut, ...] = ()
    """Other files, which cannot be used."""


def extract_dataset(request: Request, out: Path, summary: Summary) -> None:
    """Extract what is missing in ``out``, record the source of the landmarks in its dataset.json,
    and print the summary.

    Raises UserError if nothing could be extracted, or at a file that stops the work.
    """
    with locked(out, _BUSY):
        read_metadata(out)  # a mistake in it is reported before the work, not after
        store = FrameStore(out, request.parameters)
        before = len(store.poses)
        start = time.perf_counter()
        jobs, left_out = _plan(request, store, summary)
        reports = _extract(jobs, request, store)
        left_out += _left_out(reports, request)
        try:
            count = store.finish()
        except UserError:
            _explain(reports, summary)
            summary.show()
            raise
        update_metadata(out, landmarks=request.settings.landmarks)
        listed, lines = write_left_out(out, left_out, _files(request), store.poses)
    written = sum(report.written for report in reports)
    size, kind = request.settings.alignment.size, request.settings.image_format
    speed = _speed(written, time.perf_counter() - start, reports)
    summary.wrote(
        store.images,
        f"{counted(count, 'frame')} of {size}x{size} ({kind}), {count - before} of them new{speed}",
    )
    summary.wrote(out / "frames.csv", "their head rotation in degrees")
    summary.wrote(listed, f"everything left out, and why ({counted(lines, 'row')})")
    _explain(reports, summary)
    summary.show()


def _extract(jobs: list[Job], request: Request, store: FrameStore) -> list[Report]:
    expected = sum(_expected_frames(job) for job in jobs)
    work = Extraction(request.settings, store.unfinished)
    reports = []
    try:
        with (
            ProgressBar("frames", expected, unit="frame") as bar,
            closing(run_jobs(jobs, work, request.workers, bar.advance)) as finished,
        ):
            for report in finished:
                reports.append(report)
                _keep_length(report, request, store)
    except KeyboardInterrupt:
        note(f"{store.unfinished}: keeps what was extracted")
        raise
    return sorted(reports, key=lambda report: report.name)


def _plan(request: Request, store: FrameStore, summary: Summary) -> tuple[list[Job], list[LeftOut]]:
    """A job for each sequence that has anything to extract, and what is left out beforehand."""
    wanted, left_out = _wanted(request, store, summary)
    left_out += request.skipped
    for row in request.skipped:
        summary.left_out(row.reason, [row.file])
    jobs = []
    for number, sequence in enumerate(request.sequences):
        frames = sequence.frames
        labelled = None if wanted is None else wanted[sequence.name]
        if labelled is not None and isinstance(frames, ImageFrames):
            unlabelled = sorted(frames.files.keys() - labelled, key=natural_sort_key)
            summary.left_out(NO_LABELS, unlabelled)
            left_out += [LeftOut(name, NO_LABELS, str(frames.files[name])) for name in unlabelled]
        if labelled is not None and not labelled:
            if isinstance(frames, VideoFrames):
                summary.left_out(NO_LABELS, [str(frames.path)])
                left_out.append(LeftOut("", NO_LABELS, str(frames.path)))
            continue
        if isinstance(frames, VideoFrames):
            done = frozenset(f for f in store.poses if sequence_name(f) == frames.prefix)
        else:
            done = frozenset(frames.files.keys() & store.poses.keys())
        jobs.append(
            Job(
                sequence=sequence,
                wanted=labelled,
                done=done,
                length=_known_length(sequence, store),
                record=store.record_path(number),
            )
        )
    return jobs, left_out


def _wanted(
    request: Request, store: FrameStore, summary: Summary
) -> tuple[dict[str, frozenset[str]] | None, list[LeftOut]]:
    """Labelled ids by sequence name (None if labels do not matter), and those that belong neither
    to a sequence nor to the frames of earlier runs.
    """
    if request.labelled is None:
        return None, []
    by_prefix: dict[str, set[str]] = {}
    for frame_id in request.labelled:
        by_prefix.setdefault(sequence_name(frame_id), set()).add(frame_id)
    wanted, seen_prefixes = {}, set()
    for sequence in request.sequences:
        frames = sequence.frames
        if isinstance(frames, VideoFrames):
            wanted[sequence.name] = frozenset(by_prefix.get(frames.prefix, ()))
            seen_prefixes.add(frames.prefix)
        else:
            wanted[sequence.name] = request.labelled & frames.files.keys()
            seen_prefixes |= {sequence_name(frame_id) for frame_id in frames.files}
    homes = frozenset(store.poses).union(*wanted.values())
    homeless = sorted(request.labelled - homes, key=natural_sort_key)
    missing = [name for name in homeless if sequence_name(name) in seen_prefixes]
    known = seen_prefixes | set(map(sequence_name, store.poses))
    lost = [name for name in homeless if sequence_name(name) not in known]
    summary.left_out(NO_SEQUENCE, sorted(set(map(sequence_name, lost))))
    summary.left_out(NOT_THERE, missing)
    rows = [(NOT_THERE, missing), (NO_SEQUENCE, lost)]
    return wanted, [LeftOut(name, reason) for reason, names in rows for name in names]


def _known_length(sequence: Sequence, store: FrameStore) -> int | None:
    """Frames in a video, if an earlier run counted them and the file has not changed since."""
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
    several = {name: faces for report in reports for name, faces in report.several_faces.items()}
    if several:
        shown = [f"{name} ({faces} faces)" for name, faces in several.items()]
        summary.note(
            f"{counted(len(several), 'frame')} with several faces, the largest of which was taken: "
            f"{first_few(shown)}"
        )


def _left_out(reports: list[Report], request: Request) -> list[LeftOut]:
    frames = {sequence.name: sequence.frames for sequence in request.sequences}
    return [
        LeftOut(name, reason, str(frames[report.name].file_of(name) or ""))
        for report in reports
        for reason, names in report.left_out.items()
        for name in names
    ]


def _files(request: Request) -> set[str]:
    """All files that this run looked at."""
    skipped = {row.file for row in request.skipped}
    return skipped | {str(p) for sequence in request.sequences for p in sequence.frames.paths}


def _speed(written: int, seconds: float, reports: list[Report]) -> str:
    if not written:
        return ""
    busy = sum(report.seconds for report in reports)
    return f" ({written / seconds:.0f} frames/s, {written / busy:.0f} per worker)"
