"""Facial events: which AUs occur together, and how an expression comes and goes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.action_units import MORE_AUS, PLACE
from create_dataset.rendering.curves import DoubleArray, smoothstep
from create_dataset.rendering.request import Range

_KINDS: tuple[tuple[int, dict[int, float]], ...] = (
    (3, {12: 1, 6: 0.9}),
    (4, {12: 1, 6: 0.8, 25: 0.8}),
    (3, {12: 1}),
    (2, {12: 1, 25: 0.9}),
    (2, {12: 1, 6: 1, 25: 1, 26: 0.7}),
    (1, {6: 1}),
    (4, {4: 1}),
    (2, {4: 1, 9: 0.9}),
    (2, {9: 1, 25: 0.7, 4: 0.5}),
    (1, {9: 1}),
    (1, {4: 1, 17: 0.7, 15: 0.6}),
    (1, {4: 1, 6: 0.6, 20: 0.5}),
    (2, {1: 1, 2: 1}),
    (2, {1: 1, 2: 1, 5: 0.9, 25: 0.9, 26: 0.8}),
    (1, {1: 0.9, 4: 0.9, 15: 0.6}),
    (1, {1: 1, 2: 0.8, 4: 0.7, 20: 0.9, 25: 0.9}),
    (1, {2: 1}),
    (1, {1: 1}),
    (1, {5: 1}),
    (2, {15: 1, 17: 0.9}),
    (1, {15: 1}),
    (2, {17: 1}),
    (1, {17: 1, 4: 0.5}),
    (1, {20: 1, 25: 0.7}),
    (1, {20: 1}),
    (6, {25: 1}),
    (4, {25: 1, 26: 0.8}),
    (1, {26: 1}),
    (1, {4: 1, 25: 0.7}),
)
"""How common each event is, and its AUs with their relative strengths."""
_MORE_KINDS: tuple[tuple[int, dict[int, float]], ...] = (
    (2, {7: 1}),
    (2, {7: 1, 4: 0.9}),
    (2, {12: 1, 6: 0.9, 7: 0.7, 25: 0.7}),
    (2, {10: 1}),
    (1, {10: 1, 25: 0.7}),
    (1, {10: 1, 9: 0.7, 4: 0.5}),
    (2, {14: 1}),
    (2, {18: 1}),
    (2, {22: 1, 25: 0.9}),
    (2, {23: 1}),
    (1, {23: 1, 4: 0.8, 7: 0.6}),
    (2, {24: 1}),
    (1, {24: 1, 17: 0.8}),
    (2, {28: 1}),
    (2, {34: 1}),
    (3, {43: 1}),
    (1, {43: 1, 12: 0.8}),
)
"""Further events, if all AUs are labelled."""
_APART: dict[int, tuple[int, ...]] = {
    14: (12, 18, 20, 22, 28, 34),
    18: (12, 15, 20, 22, 28, 34),
    22: (12, 15, 17, 20),
    23: (10, 12, 18, 20, 22, 25, 26, 28, 34),
    24: (10, 12, 18, 20, 22, 25, 26, 28, 34),
    28: (10, 12, 17, 20, 22, 25, 26, 34),
    34: (10, 12, 20, 22, 25, 26),
    43: (5,),
}
"""AUs that exclude each other: one would hide the other."""
_HARDLY = 0.5
"""Below this intensity, there is nothing to hide."""
_MAX_WITHOUT_JAW = 3.4
"""Intensity of AU25; lips do not part farther while the jaw is closed."""
_AU5, _AU25, _AU26 = PLACE[5], PLACE[25], PLACE[26]


def event_kinds(aus: Sequence[int]) -> tuple[DoubleArray, DoubleArray]:
    """How common each possible event is (K,), and its shares of the A AUs (K, A)."""
    known = _KINDS + (_MORE_KINDS if set(aus) & set(MORE_AUS) else ())
    shares = [[kind.get(au, 0) for au in aus] for _, kind in known]
    return np.array([weight for weight, _ in known], np.float64), np.array(shares, np.float64)


def is_contradictory(intensities: DoubleArray, aus: Sequence[int]) -> bool:
    """Whether any of the T frames (T, A) shows AUs that exclude each other."""
    shown = dict(zip(aus, (intensities > _HARDLY).T, strict=True))
    return any(
        bool((shown[au] & shown[other]).any())
        for au, others in _APART.items()
        if au in shown
        for other in others
    )


@dataclass(frozen=True)
class Course:
    """The strength of an event, 0 to 1, at each time."""

    times: DoubleArray
    strengths: DoubleArray


def draw_course(frames: int, rng: np.random.Generator) -> Course:
    """Onset, apex and offset of a few frames each; it may begin before the first frame."""
    onset = int(rng.integers(2, 7))
    apex = int(rng.integers(2, max(4, frames // 8)))
    offset = int(rng.integers(2, 8))
    start = int(rng.integers(-onset, max(frames - 2, 1 - onset)))
    times = np.arange(frames, dtype=np.float64)
    since = times - start
    strengths = smoothstep(0, onset, since)
    strengths *= 1 - smoothstep(onset + apex, onset + apex + offset, since)
    tremble = 0.06 * np.sin(since * rng.uniform(0.3, 1.2) + rng.uniform(0, 6))
    return Course(times, strengths * (1 + tremble))


def add_event(
    intensities: DoubleArray,
    shares: DoubleArray,
    course: Course,
    peaks: Range,
    rng: np.random.Generator,
) -> DoubleArray:
    """Intensities (T, A) with an event added, whose AUs have these shares (A,)."""
    result = intensities.copy()
    peak = peaks.low + (peaks.high - peaks.low) * rng.beta(1.6, 2.0)
    for place in np.flatnonzero(shares):
        late = np.interp(course.times - rng.normal(0, 0.8), course.times, course.strengths)
        most = peak * shares[place] * rng.uniform(0.85, 1.15) * (1.1 if place == _AU5 else 1)
        if place == _AU25 and not shares[_AU26]:
            most = min(most, _MAX_WITHOUT_JAW)
        result[:, place] = np.maximum(result[:, place], min(most, 5.0) * late)
    lips, jaw = result[:, _AU25], result[:, _AU26]
    parted = lips > 0.5
    result[parted, _AU25] = np.maximum(lips, jaw)[parted]
    return np.clip(result, 0, 5)
