"""Sources looked at frame by frame, and recognised a batch at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.prediction.ensemble import Ensemble, Rests
from audetnet.prediction.frames import FrameSource
from audetnet.prediction.observing import Observation, Observer
from audetnet.prediction.people import People
from audetnet.prediction.table import Row

RestOf: TypeAlias = Callable[[Observation], Rests]
"""Says what the person of an observation shows at rest."""


def nobody_is_known(seen: Observation) -> Rests:
    """Without a reference."""
    return None


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where to go on: the number of the source, its next frame, and the people seen in it."""

    source: int = 0
    frame: int = 0
    people: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of whole frames, and where to go on after them. ``codes``: z1 (N, Z1) and z2 (N, Z2) of
    the rows whose numbers are ``with_codes``.
    """

    rows: list[Row]
    frames: int
    position: Position
    with_codes: list[int]
    codes: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None


def recognised(
    sources: Sequence[FrameSource],
    observe: Observer,
    ensemble: Ensemble,
    every: int,
    batch_size: int,
    rest_of: RestOf = nobody_is_known,
    start: Position | None = None,
    each: Callable[[], None] = lambda: None,
) -> Iterator[Part]:
    """All frames from ``start`` on, in parts of about ``batch_size`` faces; ``each`` hears of every
    frame that was looked at.
    """
    start = start or Position()
    seen: list[Observation] = []
    rests: list[Rests] = []
    frames = 0

    def part(position: Position) -> Part:
        found = ensemble.recognise(seen, rests)
        whole = Part(
            rows=found.rows,
            frames=frames,
            position=position,
            with_codes=[row for row, one in enumerate(seen) if one.crops],
            codes=None if found.outputs is None else (found.outputs.z1, found.outputs.z2),
        )
        seen.clear()
        rests.clear()
        return whole

    for number, source in enumerate(sources[start.source :], start.source):
        goes_on = number == start.source
        people = People(start.people if goes_on else None)
        for frame in source.frames(every, start.frame if goes_on else 0):
            looked = observe(frame, people)
            seen += looked
            rests += [rest_of(one) for one in looked]
            frames += 1
            each()
            if len(seen) >= batch_size:
                at = Position(source=number, frame=frame.number + 1, people=people.state())
                yield part(at)
                frames = 0
    if seen:
        yield part(Position(source=len(sources)))
