"""Finds faces frame by frame and recognises them batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.console.lines import note
from audetnet.prediction.ensemble import Ensemble, Neutrals
from audetnet.prediction.frames import FrameSource, missing_frames
from audetnet.prediction.observing import Observation, Observer
from audetnet.prediction.people import People
from audetnet.prediction.table import Row

NeutralOf: TypeAlias = Callable[[Observation], Neutrals]
"""Returns the neutral of the person in an observation."""


def no_neutral(seen: Observation) -> Neutrals:
    """For prediction without a reference."""
    return None


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where to resume: index of the source, its next frame, and the people seen in it."""

    source: int = 0
    frame: int = 0
    people: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of complete frames, and where to resume after them. ``codes``: z1 (N, Z1) and z2 (N, Z2)
    of the rows with indices ``with_codes``.
    """

    rows: list[Row]
    frames: int
    position: Position
    with_codes: list[int]
    codes: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None


def recognise(
    sources: Sequence[FrameSource],
    observe: Observer,
    ensemble: Ensemble,
    every: int,
    batch_size: int,
    neutral_of: NeutralOf = no_neutral,
    start: Position | None = None,
    each: Callable[[], None] = lambda: None,
) -> Iterator[Part]:
    """Yield all frames from ``start``, in parts of about ``batch_size`` faces. ``each`` is called
    after every frame.
    """
    start = start or Position()
    seen: list[Observation] = []
    neutrals: list[Neutrals] = []
    frames = 0

    def part(position: Position) -> Part:
        found = ensemble.recognise(seen, neutrals)
        whole = Part(
            rows=found.rows,
            frames=frames,
            position=position,
            with_codes=[row for row, one in enumerate(seen) if one.crops],
            codes=None if found.outputs is None else (found.outputs.z1, found.outputs.z2),
        )
        seen.clear()
        neutrals.clear()
        return whole

    for number, source in enumerate(sources[start.source :], start.source):
        resumed = number == start.source
        people = People(start.people if resumed else None)
        frame = None
        for frame in source.frames(every, start.frame if resumed else 0):
            observations = observe(frame, people)
            seen += observations
            neutrals += [neutral_of(one) for one in observations]
            frames += 1
            each()
            if len(seen) >= batch_size:
                at = Position(source=number, frame=frame.number + 1, people=people.state())
                yield part(at)
                frames = 0
        if frame is not None and (warning := missing_frames(frame, every)) is not None:
            note(warning)
    if seen:
        yield part(Position(source=len(sources)))
