"""Turns light into a picture as cameras and the web do: tone, colour, motion, resolution."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from audetnet.faces.alignment import ByteImage
from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import DoubleArray, FloatArray, srgb_of
from create_dataset.rendering.scene import Scene

_USUAL_SIZE = 96
"""Blur and motion are in pixels of a picture of this size."""
_MOVED = 0.2
_SMALL = 0.35
_GREY = 0.06
_RECOMPRESSED = 0.3
"""The shares of pictures to which each of these happens."""
_METERED = 0.30
"""The mean light in the middle of a picture that automatic exposure aims for."""
_METERING = 0.65
"""How strongly it corrects: 0 not at all, 1 completely."""


@dataclass(frozen=True, kw_only=True)
class Development:
    """``balance`` (3,) multiplies light; ``tone`` (4,): gamma, contrast, brightness, saturation;
    ``chroma``: the share of the noise that differs between channels; ``motion`` (2,): pixels right
    and down; ``resolution``: 1, or how much smaller the picture once was; ``earlier_quality`` of an
    earlier JPEG, 0: none.
    """

    balance: FloatArray
    tone: FloatArray
    chroma: float
    motion: DoubleArray
    resolution: float
    earlier_quality: int


def draw_development(rng: np.random.Generator) -> Development:
    """The development of one picture."""
    gamma, contrast = np.exp(rng.normal(0, [0.16, 0.18])).tolist()
    saturation = float(np.clip(rng.normal(1, 0.22), 0, 1.4)) if rng.random() > _GREY else 0.0
    angle, length = rng.uniform(0, np.pi), rng.uniform(1, 6) * (rng.random() < _MOVED)
    warmth, green = rng.normal(0, 0.07), rng.normal(0, 0.02)
    return Development(
        balance=np.exp([warmth, green, -warmth]).astype(np.float32),
        tone=np.array([gamma, contrast, rng.normal(0, 0.05), saturation], np.float32),
        chroma=rng.uniform(0, 1),
        motion=length * np.array([math.cos(angle), math.sin(angle)]),
        resolution=rng.uniform(0.28, 0.9) if rng.random() < _SMALL else 1.0,
        earlier_quality=int(rng.integers(30, 90)) if rng.random() < _RECOMPRESSED else 0,
    )


def develop(
    light: FloatArray, scene: Scene, development: Development, rng: np.random.Generator
) -> ByteImage:
    """RGB (S, S, 3) from the light of each pixel (S, S, 3). ``rng`` makes the noise."""
    from scipy.ndimage import gaussian_filter

    scale = len(light) / _USUAL_SIZE
    sigma = scene.blur * scale
    light = _metered(light, scene.exposure)
    soft = gaussian_filter(light, (sigma, sigma, 0), truncate=3.0)
    if development.motion.any():
        soft = _moved(soft, development.motion * scale)
    side = max(8, round(len(soft) * development.resolution))
    picture = _toned(soft, development.balance, development.tone)
    if side < len(soft):
        picture = _resized(picture, side, Image.Resampling.BOX)
    shared = rng.standard_normal((side, side, 1), dtype=np.float32)
    own = rng.standard_normal((side, side, 3), dtype=np.float32)
    levels = _noisy(picture, shared, own, scene.noise, development.chroma, development.tone[3])
    small = Image.fromarray(levels)
    if development.earlier_quality:
        small = _compressed(small, development.earlier_quality)
    if side < len(soft):
        small = small.resize((len(soft), len(soft)), Image.Resampling.BICUBIC)
    return np.asarray(small)


def _metered(light: FloatArray, exposure: float) -> FloatArray:
    """Apply automatic exposure; ``light`` already contains the manual correction ``exposure``."""
    quarter = len(light) // 4
    mean = float(light[quarter:-quarter, quarter:-quarter].mean()) / exposure + 1e-3
    return light * np.float32((_METERED / mean) ** _METERING)


def _compressed(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return opened.convert("RGB")


def _resized(picture: FloatArray, side: int, way: Image.Resampling) -> FloatArray:
    bands = [
        np.asarray(Image.fromarray(np.ascontiguousarray(band)).resize((side, side), way))
        for band in np.moveaxis(picture, -1, 0)
    ]
    return np.ascontiguousarray(np.stack(bands, axis=-1))


@compiled
def _moved(light: FloatArray, motion: DoubleArray) -> FloatArray:
    """The mean along a line (2,) through each pixel."""
    rows, columns = light.shape[0], light.shape[1]
    steps = math.ceil(max(abs(motion[0]), abs(motion[1]))) + 1
    result = np.zeros_like(light)
    for step in range(steps):
        part = step / max(1, steps - 1) - 0.5
        right, down = round(part * motion[0]), round(part * motion[1])
        for row in range(rows):
            from_row = min(max(row + down, 0), rows - 1)
            for column in range(columns):
                from_column = min(max(column + right, 0), columns - 1)
                for channel in range(3):
                    result[row, column, channel] += light[from_row, from_column, channel]
    return result / np.float32(steps)


@compiled
def _toned(light: FloatArray, balance: FloatArray, tone: FloatArray) -> FloatArray:
    """sRGB values, about 0 to 1."""
    gamma, contrast, brightness, saturation = tone[0], tone[1], tone[2], tone[3]
    result = np.empty_like(light)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for channel in range(3):
                value = srgb_of(min(light[row, column, channel] * balance[channel], 4.0))
                value = (min(value, 1.0) ** gamma - 0.5) * contrast + 0.5 + brightness
                result[row, column, channel] = value
            pixel = result[row, column]
            grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
            for channel in range(3):
                result[row, column, channel] = grey + saturation * (pixel[channel] - grey)
    return result


@compiled
def _noisy(
    picture: FloatArray,
    shared: FloatArray,
    own: FloatArray,
    noise: float,
    chroma: float,
    saturation: float,
) -> ByteImage:
    """8-bit levels with noise, which is grey in a grey picture."""
    result = np.empty(picture.shape, np.uint8)
    coloured = chroma if saturation > 0 else 0.0
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            for channel in range(3):
                grain = shared[row, column, 0]
                grain += coloured * (own[row, column, channel] - grain)
                level = 255 * picture[row, column, channel] + noise * grain + 0.5
                result[row, column, channel] = int(min(max(level, 0.0), 255.0))
    return result
