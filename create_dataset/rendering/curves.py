"""Curves and colour spaces shared by the whole renderer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from create_dataset.rendering.compiled import compiled

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


def smoothstep(start: float, end: float, x: npt.ArrayLike) -> DoubleArray:
    """0 up to ``start``, 1 beyond ``end`` (which may be the smaller one), smooth in between."""
    t = np.clip((np.asarray(x, np.float64) - start) / (end - start), 0, 1)
    smooth: DoubleArray = t * t * (3 - 2 * t)
    return smooth


@compiled
def smoothstep_at(start: float, end: float, x: float) -> float:
    """The same for one number, in a kernel."""
    t = min(1.0, max(0.0, (x - start) / (end - start)))
    return t * t * (3 - 2 * t)


def linear_light(srgb: npt.ArrayLike) -> DoubleArray:
    """sRGB values in [0, 1] to linear light."""
    value = np.asarray(srgb, np.float64)
    light: DoubleArray = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light


def srgb_bytes(*colours: Sequence[int]) -> DoubleArray:
    """N 8-bit sRGB triples to linear light, (N, 3)."""
    return linear_light(np.array(colours) / 255)


@compiled
def srgb_of(light: float) -> float:
    """The sRGB value of linear light, in a kernel."""
    if light <= 0.0031308:
        return 12.92 * max(light, 0.0)
    return float(1.055 * light ** (1 / 2.4) - 0.055)
