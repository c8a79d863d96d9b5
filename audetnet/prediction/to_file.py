"""Predicts to a file, part by part."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from audetnet.console.progress import ProgressBar
from audetnet.data.videos import video_length
from audetnet.errors import UserError
from audetnet.files.lock import locked
from audetnet.prediction.ensemble import Ensemble
from audetnet.prediction.frames import Source
from audetnet.prediction.observing import Observer
from audetnet.prediction.parts import BUSY, PredictionParts, Progress
from audetnet.prediction.stream import NeutralOf, Part, recognise

_ROWS_A_PART = 1000
_SECONDS_A_PART = 20.0
"""A part is written when either is reached: the most that a kill can lose."""


@dataclass(frozen=True)
class Pace:
    """Frames and time of this call, without those it resumed from."""

    frames: int
    seconds: float


def predict_to_file(
    sources: Sequence[Source],
    observe: Observer,
    ensemble: Ensemble,
    every: int,
    batch_size: int,
    neutral_of: NeutralOf,
    files: PredictionParts,
) -> tuple[Progress, Pace]:
    """Predict from the last part to the end. Raises UserError."""
    with locked(files.folder, BUSY):
        done = files.begin()
        before, start = done.frames, time.perf_counter()
        total = sum(_expected_frames(source, every) for source in sources)
        with ProgressBar("predicting", max(total, before), before, "frame") as bar:
            parts = recognise(
                sources,
                observe,
                ensemble,
                every,
                batch_size,
                neutral_of,
                done.position,
                bar.advance,
            )
            pending: list[Part] = []
            written = start
            try:
                for part in parts:
                    pending.append(part)
                    now = time.perf_counter()
                    rows = sum(len(each.rows) for each in pending)
                    if rows >= _ROWS_A_PART or now - written >= _SECONDS_A_PART:
                        files.add(pending, done)
                        pending, written = [], now
            except KeyboardInterrupt:
                if pending:
                    files.add(pending, done)
                raise
            if pending:
                files.add(pending, done)
        files.finish(done)
    return done, Pace(done.frames - before, time.perf_counter() - start)


def _expected_frames(source: Source, every: int) -> int:
    if not source.is_video:
        return 1
    try:
        return max(1, math.ceil(video_length(source.path) / every))
    except UserError:
        return 1
