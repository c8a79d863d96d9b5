"""How head, light, gaze and unlabelled movements go on from frame to frame."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.action_units import HIDDEN, PLACE
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.request import RANGES, Range
from create_dataset.rendering.scene import Scene

POSE, LIGHT = ("yaw", "pitch", "roll"), ("light_x", "light_y")
_POSE_SPREAD, _POSE_MEMORY = (8, 5, 3), 25
"""Degrees, and frames over which a pose is forgotten."""
_LIGHT_SPREAD, _LIGHT_MEMORY = (0.10, 0.08), 60
_GAZE_SPREAD, _GAZE_FRAMES = (0.12, 0.08), 5
_BLINK, _BLINK_RATE, _CLOSED = HIDDEN.index(45), 0.05, (0.45, 0.9, 1.0)
_MOVEMENTS = {7: (0.05, 0.6), 10: (0.03, 0.35), 14: (0.04, 0.7), 18: (0.02, 0.6), 24: (0.03, 0.8)}
"""Unlabelled AUs: their rate, and the most of them."""
_NOT_WHILE_SMILING = (14, 18, 24)
"""Would undo a smile or close parted lips."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Of T frames: ``pose`` (T, 3) in degrees, ``light`` (T, 2), ``gaze`` (T, 2), ``crop`` (T, 3);
    see camera.posed and expressions.expression.
    """

    pose: DoubleArray
    light: DoubleArray
    gaze: DoubleArray
    crop: DoubleArray

    def each(self, change: Callable[[DoubleArray], DoubleArray]) -> "Tracks":
        """All of them changed in the same way."""
        return Tracks(
            pose=change(self.pose),
            light=change(self.light),
            gaze=change(self.gaze),
            crop=change(self.crop),
        )


def draw_tracks(
    scene: Scene, frames: int, ranges: Mapping[str, Range], seed: int, person: int
) -> Tracks:
    """Of the person of that number. Pose and light wander about those of the scene; their ranges
    are the usual ones, stretched to those asked for.
    """
    draws = generator(seed, Drawn.TRACKS, person)
    pose = scene.pose + _walk(draws, frames, _POSE_SPREAD, _POSE_MEMORY)
    light = scene.light + _walk(draws, frames, _LIGHT_SPREAD, _LIGHT_MEMORY)
    pose, light = stretched(pose, POSE, ranges), stretched(light, LIGHT, ranges)
    glances = draws.normal(0, _GAZE_SPREAD, (frames // _GAZE_FRAMES + 1, 2))
    gaze = np.repeat(glances, _GAZE_FRAMES, axis=0)[:frames]
    gaze[:, 0] -= 0.012 * pose[:, 0]
    size = np.exp(draws.normal(0, 0.02, (frames, 1)))
    return Tracks(
        pose=pose,
        light=light,
        gaze=np.clip(gaze, (-0.4, -0.2), (0.4, 0.2)),
        crop=np.concatenate([draws.normal(0, 0.012, (frames, 2)), size], axis=1),
    )


def stretched(
    values: DoubleArray, names: tuple[str, ...], ranges: Mapping[str, Range]
) -> DoubleArray:
    """Values (T, K) cut to the usual ranges, which are then moved onto those asked for."""
    columns = []
    for name, column in zip(names, values.T, strict=True):
        usual, asked = RANGES[name], ranges[name]
        cut = np.clip(column, *usual)
        if asked != usual:
            share = (cut - usual.low) / (usual.high - usual.low)
            cut = asked.low + share * (asked.high - asked.low)
        columns.append(cut)
    return np.stack(columns, axis=1)


def draw_hidden(intensities: DoubleArray, seed: int, person: int) -> DoubleArray:
    """Blinks and unlabelled AUs beside intensities (T, 12): (T, 6) from 0 to 1."""
    draws = generator(seed, Drawn.TRACKS, person, frame=1)
    frames = len(intensities)
    hidden = np.zeros((frames, len(HIDDEN)))
    blinks = draws.random(frames) < _BLINK_RATE
    hidden[blinks, _BLINK] = draws.choice(_CLOSED, int(blinks.sum()))
    busy = (intensities[:, PLACE[25]] > 0.5) | (intensities[:, PLACE[12]] > 0.5)
    for au, (rate, most) in _MOVEMENTS.items():
        column = hidden[:, HIDDEN.index(au)]
        for _ in range(math.ceil(rate * frames / 6)):
            start, length = int(draws.integers(frames)), int(draws.integers(3, 9))
            amount = draws.uniform(0.2, most)
            course = amount * np.sin(np.pi * (np.arange(length) + 0.5) / length)
            column[start : start + length] = course[: frames - start]
        if au in _NOT_WHILE_SMILING:
            column[busy] = 0
    return hidden


def _walk(
    draws: np.random.Generator, frames: int, spread: tuple[float, ...], memory: float
) -> DoubleArray:
    """A smooth random walk about 0 that forgets where it was: (T, K)."""
    from scipy.ndimage import gaussian_filter1d

    steps = draws.normal(0, spread, (frames + 1, len(spread)))
    kept, new = math.exp(-1 / memory), math.sqrt(1 - math.exp(-2 / memory))
    places = np.empty((frames, len(spread)))
    place = steps[0]
    for frame in range(frames):
        place = place * kept + new * steps[frame + 1]
        places[frame] = place
    smooth: DoubleArray = gaussian_filter1d(places, 1.2, axis=0, mode="nearest")
    return smooth
