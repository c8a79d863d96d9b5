"""Facial events: which AUs come together, and how an expression comes and goes."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.action_units import AUS, PLACE
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
"""How common each is, and its AUs with their relative strengths."""
WEIGHTS: DoubleArray = np.array([weight for weight, _ in _KINDS], np.float64)
SHARES: DoubleArray = np.array([[kind.get(au, 0) for au in AUS] for _, kind in _KINDS], np.float64)
"""(kinds, 12)"""
_MOST_WITHOUT_JAW = 3.4
"""Lips do not part farther while the jaw is closed."""
_AU5, _AU25, _AU26 = PLACE[5], PLACE[25], PLACE[26]


@dataclass(frozen=True)
class Course:
    """How strong an event is at each time, 0 to 1, and when."""

    times: DoubleArray
    strengths: DoubleArray


def draw_course(frames: int, draws: np.random.Generator) -> Course:
    """Onset, apex and offset of some frames each; it may have begun before the first frame."""
    onset = int(draws.integers(2, 7))
    apex = int(draws.integers(2, max(4, frames // 8)))
    offset = int(draws.integers(2, 8))
    start = int(draws.integers(-onset, max(frames - 2, 1 - onset)))
    times = np.arange(frames, dtype=np.float64)
    since = times - start
    strengths = smoothstep(0, onset, since)
    strengths *= 1 - smoothstep(onset + apex, onset + apex + offset, since)
    tremble = 0.06 * np.sin(since * draws.uniform(0.3, 1.2) + draws.uniform(0, 6))
    return Course(times, strengths * (1 + tremble))


def added(
    intensities: DoubleArray,
    shares: DoubleArray,
    course: Course,
    peaks: Range,
    draws: np.random.Generator,
) -> DoubleArray:
    """Intensities (T, 12) with an event over them, of AUs with these shares (12,)."""
    result = intensities.copy()
    peak = peaks.low + (peaks.high - peaks.low) * draws.beta(1.6, 2.0)
    for place in np.flatnonzero(shares):
        late = np.interp(course.times - draws.normal(0, 0.8), course.times, course.strengths)
        most = peak * shares[place] * draws.uniform(0.85, 1.15) * (1.1 if place == _AU5 else 1)
        if place == _AU25 and not shares[_AU26]:
            most = min(most, _MOST_WITHOUT_JAW)
        result[:, place] = np.maximum(result[:, place], min(most, 5.0) * late)
    lips, jaw = result[:, _AU25], result[:, _AU26]
    parted = lips > 0.5
    result[parted, _AU25] = np.maximum(lips, jaw)[parted]
    return np.clip(result, 0, 5)
