"""Regions of the face texture, for painting skin, hair and shine."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from create_dataset.rendering.curves import DoubleArray, FloatArray, smoothstep
from create_dataset.rendering.face_model import EYES, OUTER_LIPS, Flags
from create_dataset.rendering.texture_space import TEXTURE, TextureSpace, filled, spline

_HAIRLINE = (
    (0, 25, 42, 52, 62, 72, 84, 95, 115, 140, 180),
    (11.6, 11.3, 10.3, 9.0, 6.2, 5.2, 4.6, 5.2, -1.5, -4.5, -5.5),
)
"""Degrees from the front, and the height of the edge of short hair there, in cm."""
_NO_HAIR = 9.0


@dataclass(frozen=True, kw_only=True)
class Regions:
    """How much each pixel belongs to a region: (T, T), 0 to about 1."""

    lips: FloatArray
    lid_line: FloatArray
    lid_rim: FloatArray
    lid_shade: FloatArray
    cheeks: FloatArray
    nose: FloatArray
    chin: FloatArray
    under_eyes: FloatArray
    oily: FloatArray
    ears: FloatArray
    beard: FloatArray
    hair: FloatArray
    """Centimetres above the hairline."""


def regions(space: TextureSpace) -> Regions:
    """All regions in the texture of the mean face."""
    lips = filled(spline(space.landmarks[OUTER_LIPS], 240, closed=True), 2.0)
    from_lids, upper = _lids(space)
    lids = np.where(upper, 1.0, 0.55), np.where(upper, 1.0, 0.7)
    spot = space.spot
    ears = _at_ears(space.u, space.v)
    oily = (
        spot(0.5, 0.66, 0.035, 0.10)
        + spot(0.5, 0.86, 0.14, 0.06)
        + 0.6 * spot(0.5, 0.31, 0.05, 0.04)
        + 0.5 * (spot(0.32, 0.645, 0.05, 0.03) + spot(0.68, 0.645, 0.05, 0.03))
    )
    hair = above_hairline(space.positions) * ~ears - _NO_HAIR * ears
    found = {
        "lips": lips,
        "lid_line": np.exp(-((from_lids / 0.0045) ** 2)) * lids[0],
        "lid_rim": np.exp(-((from_lids / 0.010) ** 2)),
        "lid_shade": np.exp(-((from_lids / 0.035) ** 2)) * lids[1],
        "cheeks": spot(0.30, 0.60, 0.085, 0.075) + spot(0.70, 0.60, 0.085, 0.075),
        "nose": spot(0.5, 0.60, 0.045, 0.045),
        "chin": spot(0.5, 0.30, 0.07, 0.05),
        "under_eyes": spot(0.36, 0.685, 0.06, 0.022) + spot(0.64, 0.685, 0.06, 0.022),
        "oily": np.clip(oily, 0, 1),
        "ears": ears,
        "beard": _beard(space, lips, ears),
        "hair": hair,
    }
    return Regions(**{name: field.astype(np.float32) for name, field in found.items()})


def above_hairline(positions: npt.NDArray[np.floating]) -> DoubleArray:
    """Height in cm above the hairline of short hair, for points (..., 3) on the mean head."""
    x, y, z = np.moveaxis(positions.astype(np.float64), -1, 0)
    angle = np.degrees(np.arctan2(np.abs(x), z - 1.0))
    height: DoubleArray = y - np.interp(angle, *_HAIRLINE)
    return height


def without_ears(height: DoubleArray, uv: FloatArray) -> DoubleArray:
    """Heights of face vertices (V,) above the hairline, with bare ears."""
    u, v = uv.T
    ears = ((u < 0.112) | (u > 0.888)) & (v > 0.43) & (v < 0.71)
    return np.where(ears, -_NO_HAIR, height)


def _at_ears(u: DoubleArray, v: DoubleArray) -> Flags:
    at: Flags = ((u < 0.108) | (u > 0.892)) & (v > 0.44) & (v < 0.70)
    return at


def _lids(space: TextureSpace) -> tuple[DoubleArray, Flags]:
    """Distance from the eye slits, which are holes in the texture, in units of its side, and
    whether a pixel is above them.
    """
    from scipy.ndimage import distance_transform_edt

    rows, columns = np.mgrid[0:TEXTURE, 0:TEXTURE]
    slits = np.zeros((TEXTURE, TEXTURE), dtype=np.bool_)
    for eye in EYES:
        x, y = space.landmarks[eye].T
        near = (columns > x.min() - 4) & (columns < x.max() + 4)
        slits |= ~space.covered & near & (np.abs(rows - y.mean()) < 0.03 * TEXTURE)
    distance = distance_transform_edt(~slits) / TEXTURE
    corners = space.landmarks[[36, 42], 1]
    return distance, rows < corners.mean()


def _beard(space: TextureSpace, lips: FloatArray, ears: Flags) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    x, y, z = np.moveaxis(space.positions.astype(np.float64), -1, 0)
    x = np.abs(x)
    jaw = smoothstep(-1.6, -2.6, y) * smoothstep(-9.5, -8.0, y)
    side = smoothstep(4.2, 6.0, x) * smoothstep(3.2, 1.2, y) * smoothstep(-3, 0.5, z)
    side = 0.55 * side * smoothstep(-9.5, -8.0, y)
    moustache = smoothstep(-1.3, -1.7, y) * (x < 3.2) * (y > -3.5)
    all_hair = np.clip(np.maximum(jaw, np.maximum(side, moustache)), 0, 1)
    all_hair = all_hair * smoothstep(-0.5, 1.5, z) * ~ears
    bare_cheeks = np.exp(-(((x - 4.2) / 1.6) ** 2 + ((y + 1.2) / 2.0) ** 2))
    beard = np.clip(all_hair - 0.75 * bare_cheeks, 0, 1) * (1 - lips)
    soft: FloatArray = gaussian_filter(beard.astype(np.float32), 5)
    return soft
