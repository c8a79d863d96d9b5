"""How head, light, gaze and unlabelled movements change from frame to frame."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.action_units import HIDDEN, PLACE
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.request import RANGES, Range
from create_dataset.rendering.scene import Scene
from create_dataset.rendering.seeding import Purpose, make_rng

POSE, LIGHT = ("yaw", "pitch", "roll"), ("light_x", "light_y")
_POSE_SPREAD, _POSE_MEMORY = (8, 5, 3), 25
"""Degrees, and the number of frames after which a pose is forgotten."""
_LIGHT_SPREAD, _LIGHT_MEMORY = (0.10, 0.08), 60
_GAZE_SPREAD, _GAZE_FRAMES = (0.12, 0.08), 5
_BLINK, _BLINK_RATE, _CLOSED = HIDDEN.index(45), 0.05, (0.45, 0.9, 1.0)
_MOVEMENTS = {7: (0.05, 0.6), 10: (0.03, 0.35), 14: (0.04, 0.7), 18: (0.02, 0.6), 24: (0.03, 0.8)}
"""Unlabelled AUs: their rate and maximum strength."""
_NOT_WHILE_SMILING = (14, 18, 24)
"""AUs that would undo a smile or close parted lips."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """For T frames: ``pose`` (T, 3) in degrees, ``light`` (T, 2), ``gaze`` (T, 2), ``crop`` (T, 3);
    see camera.pose_head and expressions.expression.
    """

    pose: DoubleArray
    light: DoubleArray
    gaze: DoubleArray
    crop: DoubleArray

    def each(self, change: Callable[[DoubleArray], DoubleArray]) -> "Tracks":
        """Apply a function to all of them."""
        return Tracks(
            pose=change(self.pose),
            light=change(self.light),
            gaze=change(self.gaze),
            crop=change(self.crop),
        )


def draw_tracks(
    scene: Scene, frames: int, ranges: Mapping[str, Range], seed: int, person: int
) -> Tracks:
    """The tracks of the person with this number. Pose and light wander around those of the scene;
    their usual ranges are rescaled to those asked for.
    """
    rng = make_rng(seed, Purpose.TRACKS, person)
    pose = scene.pose + _walk(rng, frames, _POSE_SPREAD, _POSE_MEMORY)
    light = scene.light + _walk(rng, frames, _LIGHT_SPREAD, _LIGHT_MEMORY)
    pose, light = rescale(pose, POSE, ranges), rescale(light, LIGHT, ranges)
    glances = rng.normal(0, _GAZE_SPREAD, (frames // _GAZE_FRAMES + 1, 2))
    gaze = np.repeat(glances, _GAZE_FRAMES, axis=0)[:frames]
    gaze[:, 0] -= 0.012 * pose[:, 0]
    size = np.exp(rng.normal(0, 0.02, (frames, 1)))
    return Tracks(
        pose=pose,
        light=light,
        gaze=np.clip(gaze, (-0.4, -0.2), (0.4, 0.2)),
        crop=np.concatenate([rng.normal(0, 0.012, (frames, 2)), size], axis=1),
    )


def rescale(
    values: DoubleArray, names: tuple[str, ...], ranges: Mapping[str, Range]
) -> DoubleArray:
    """Clip values (T, K) to the usual ranges, then rescale them to the ranges asked for."""
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
    """Strengths (T, 6), 0 to 1, of blinks and unlabelled AUs to go with intensities (T, 12)."""
    rng = make_rng(seed, Purpose.TRACKS, person, frame=1)
    frames = len(intensities)
    hidden = np.zeros((frames, len(HIDDEN)))
    blinks = rng.random(frames) < _BLINK_RATE
    hidden[blinks, _BLINK] = rng.choice(_CLOSED, int(blinks.sum()))
    busy = (intensities[:, PLACE[25]] > 0.5) | (intensities[:, PLACE[12]] > 0.5)
    for au, (rate, most) in _MOVEMENTS.items():
        column = hidden[:, HIDDEN.index(au)]
        for _ in range(math.ceil(rate * frames / 6)):
            start, length = int(rng.integers(frames)), int(rng.integers(3, 9))
            amount = rng.uniform(0.2, most)
            course = amount * np.sin(np.pi * (np.arange(length) + 0.5) / length)
            column[start : start + length] = course[: frames - start]
        if au in _NOT_WHILE_SMILING:
            column[busy] = 0
    return hidden


def _walk(
    rng: np.random.Generator, frames: int, spread: tuple[float, ...], memory: float
) -> DoubleArray:
    """A smooth, mean-reverting random walk around 0: (T, K)."""
    from scipy.ndimage import gaussian_filter1d

    steps = rng.normal(0, spread, (frames + 1, len(spread)))
    kept, new = math.exp(-1 / memory), math.sqrt(1 - math.exp(-2 / memory))
    places = np.empty((frames, len(spread)))
    place = steps[0]
    for frame in range(frames):
        place = place * kept + new * steps[frame + 1]
        places[frame] = place
    smooth: DoubleArray = gaussian_filter1d(places, 1.2, axis=0, mode="nearest")
    return smooth
