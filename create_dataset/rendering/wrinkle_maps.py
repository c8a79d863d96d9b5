"""Where skin folds when a face moves: heights in cm, drawn in the texture of the mean face."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, smoothstep
from create_dataset.rendering.face_model import IntArray
from create_dataset.rendering.noise import smooth_noise
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.texture_space import TEXTURE, TextureSpace, distance_to

_MAX = 3.0
"""Steeper slopes are clipped."""


class Fold(IntEnum):
    """The folds, and the AUs that cause them."""

    FOREHEAD_MIDDLE = 0
    """AU1"""
    FOREHEAD_SIDES = 1
    """AU2"""
    GLABELLA = 2
    """AU4"""
    EYE_CORNERS = 3
    """AU6"""
    NOSE = 4
    """AU9"""
    NASOLABIAL = 5
    """AU12, AU9"""
    CHIN = 6
    """AU17"""
    MOUTH_CORNERS = 7
    """AU15, AU20"""


@dataclass(frozen=True)
class WrinkleMaps:
    """``maps`` (8, T / 2, T / 2, 4): surface gradient and height of each fold. ``boxes`` (8, 4):
    first row, last row, first column and last column in which it is not flat.
    """

    maps: FloatArray
    boxes: IntArray


def wrinkle_maps(space: TextureSpace) -> WrinkleMaps:
    """All folds at full strength."""
    from scipy.ndimage import gaussian_filter

    rng = make_rng(0, Purpose.MODEL, frame=1)
    wave = smooth_noise(rng, 30, TEXTURE) * 0.004
    middle, sides = _forehead(space, wave)
    heights = {
        Fold.FOREHEAD_MIDDLE: middle,
        Fold.FOREHEAD_SIDES: sides,
        Fold.GLABELLA: _glabella(space),
        Fold.EYE_CORNERS: _eye_corners(space),
        Fold.NOSE: _nose(space, wave),
        Fold.NASOLABIAL: _pair(((0.078, 0.560), (0.108, 0.520), (0.128, 0.475), (0.135, 0.435)))
        * 0.075,
        Fold.CHIN: _chin(space, rng),
        Fold.MOUTH_CORNERS: _pair(((0.118, 0.432), (0.130, 0.400), (0.134, 0.365)), 0.008) * 0.055,
    }
    maps = []
    for fold in Fold:
        height = gaussian_filter(heights[fold].astype(np.float32), 0.8)
        fine = np.concatenate([space.gradient(height), height[..., None]], axis=-1)
        half = fine.reshape(TEXTURE // 2, 2, TEXTURE // 2, 2, 4).mean(axis=(1, 3))
        maps.append(np.clip(half, -_MAX, _MAX))
    stacked = np.stack(maps).astype(np.float32)
    return WrinkleMaps(stacked, np.array([_box(each) for each in stacked], np.int32))


def _box(fold: FloatArray) -> tuple[int, int, int, int]:
    there = np.abs(fold).max(axis=-1) > 1e-5
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def _grooves(phase: DoubleArray) -> DoubleArray:
    """Valleys of depth 1 at whole numbers."""
    depth: DoubleArray = -(np.clip(np.cos(2 * np.pi * phase), 0, 1) ** 2)
    return depth


def _forehead(space: TextureSpace, wave: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    aside, v = space.off_middle, space.v
    arch = v - 0.10 * np.clip(aside - 0.05, 0, None) + wave
    lines = _grooves((arch - 0.845) / 0.024) * smoothstep(0.822, 0.84, v)
    lines = lines * smoothstep(0.95, 0.92, v) * 0.042
    sides = smoothstep(0.08, 0.14, aside) * smoothstep(0.27, 0.20, aside)
    return lines * smoothstep(0.15, 0.07, aside), lines * sides


def _glabella(space: TextureSpace) -> DoubleArray:
    aside, v = space.off_middle, space.v
    line = np.exp(-(((aside - 0.021 - 0.10 * np.clip(v - 0.79, 0, 1)) / 0.0055) ** 2))
    line = line * smoothstep(0.755, 0.785, v) * smoothstep(0.845, 0.815, v)
    bulge = np.exp(-(((aside - 0.045) / 0.017) ** 2)) * np.exp(-(((v - 0.797) / 0.02) ** 2))
    return 0.06 * bulge - 0.085 * line


def _eye_corners(space: TextureSpace) -> DoubleArray:
    """Crow's feet, and lines under the eyes."""
    u, v = space.u, space.v
    folds = np.zeros((TEXTURE, TEXTURE))
    for side in (-1, 1):
        across, up = (u - 0.5) * side - 0.192, v - 0.720
        radius, angle = np.hypot(across, up), np.arctan2(up, across)
        feet = np.clip(np.cos(angle * 11 + 0.4), 0, 1) ** 2 * (across > 0)
        feet = feet * smoothstep(0.004, 0.018, radius) * smoothstep(0.062, 0.03, radius)
        folds -= feet * smoothstep(1.15, 0.8, np.abs(angle))
        from_eye = u - 0.5 - side * 0.142
        radius = np.hypot(from_eye, (v - 0.716) / 0.55)
        below = smoothstep(0.712, 0.700, v) * smoothstep(0.09, 0.05, np.abs(from_eye))
        for ring in (0.062, 0.088):
            folds -= 0.7 * np.exp(-(((radius - ring) / 0.006) ** 2)) * below
    return folds * 0.05


def _nose(space: TextureSpace, wave: FloatArray) -> DoubleArray:
    aside, v = space.off_middle, space.v
    bridge = _grooves((v - 0.675 + (aside - 0.04) * 0.8) / 0.016)
    bridge = bridge * np.exp(-(((aside - 0.038) / 0.02) ** 2))
    bridge = bridge * np.exp(-(((v - 0.685) / 0.026) ** 2))
    upper = np.exp(-(((v - 0.752 - wave) / 0.005) ** 2)) * smoothstep(0.045, 0.025, aside)
    lower = np.exp(-(((v - 0.738 - wave) / 0.004) ** 2)) * smoothstep(0.035, 0.02, aside)
    return 0.055 * (bridge - 0.9 * upper - 0.6 * lower)


def _chin(space: TextureSpace, rng: np.random.Generator) -> DoubleArray:
    pebbles = 0.5 * smooth_noise(rng, 4.0, TEXTURE) + 0.5 * smooth_noise(rng, 7.0, TEXTURE)
    aside, v = space.off_middle, space.v
    pebbled = np.clip(pebbles, -2, 2) * space.spot(0.5, 0.318, 0.055, 0.036) * 0.028
    crease = np.exp(-(((v - 0.352 + 7.2 * aside**2) / 0.008) ** 2)) * smoothstep(0.07, 0.04, aside)
    return pebbled - 0.05 * crease


def _pair(points: tuple[tuple[float, float], ...], width: float = 0.009) -> DoubleArray:
    """Valleys of depth 1 along a curve (distance from the middle, v) on both sides."""
    from scipy.ndimage import gaussian_filter

    folds = np.zeros((TEXTURE, TEXTURE))
    for side in (-1, 1):
        curve = [(0.5 + side * aside, v) for aside, v in points]
        folds -= np.exp(-((distance_to(curve) / width) ** 2))
    soft: DoubleArray = gaussian_filter(folds, 3.0)
    return soft
