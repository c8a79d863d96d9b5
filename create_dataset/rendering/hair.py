"""Hair, painted and modelled: scalp, beard, brows."""

import numpy as np
from PIL import Image, ImageDraw

from create_dataset.rendering.curves import DoubleArray, FloatArray, smoothstep
from create_dataset.rendering.face import Face
from create_dataset.rendering.face_model import BROWS, FaceModel, Part
from create_dataset.rendering.mesh import normals
from create_dataset.rendering.noise import smooth_noise
from create_dataset.rendering.regions import above_hairline, without_ears
from create_dataset.rendering.texture_space import TEXTURE, spline
from create_dataset.rendering.traits import Traits

_BALD = 0.12
"""How much hair is left."""
_FINER = 3
"""Brows are drawn at this scale, then reduced."""


def beard_cover(face: Face, traits: Traits, rng: np.random.Generator) -> FloatArray:
    """How much of the skin is hidden by stubble: (T, T)."""
    grain = 1 + 0.5 * smooth_noise(rng, 1.0, TEXTURE) + 0.25 * smooth_noise(rng, 8, TEXTURE)
    cover = face.regions.beard * traits.beard * np.clip(grain, 0, 1.6)
    found: FloatArray = np.clip(cover, 0, 0.92).astype(np.float32)
    return found


def scalp_cover(face: Face, traits: Traits, rng: np.random.Generator) -> FloatArray:
    """How much of the skin is hidden by the hair of the head: (T, T)."""
    from scipy.ndimage import gaussian_filter

    strands = 0.22 * smooth_noise(rng, 4, TEXTURE) + 0.45 * smooth_noise(rng, 40, TEXTURE)
    edge = gaussian_filter(face.regions.hair + strands, 2)
    return (smoothstep(-0.5, 0.7, edge - traits.hairline) * _fullness(traits)).astype(np.float32)


def brow_cover(face: Face, traits: Traits, rng: np.random.Generator) -> FloatArray:
    """How much of the skin is hidden by the brows: (T, T). They are drawn hair by hair."""
    from scipy.ndimage import gaussian_filter

    thickness = rng.uniform(0.020, 0.030) if traits.masculine else rng.uniform(0.011, 0.020)
    count = int(rng.uniform(420, 700) * thickness / 0.02)
    lift, tail = rng.uniform(-0.008, 0.006) - 0.004, rng.uniform(0, 0.010)
    length = rng.uniform(0.008, 0.014)
    side = TEXTURE * _FINER
    picture = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(picture)
    for brow, inwards in zip(BROWS, (1, -1), strict=True):
        knots = face.model.uv[face.model.landmarks[list(brow)]].astype(np.float64)
        knots[:, 1] += lift
        knots[0, 1] -= tail
        roots, tips = _hairs(spline(knots, 200), count, thickness, inwards * length, rng)
        ends = np.concatenate([roots, tips], axis=1)
        ends[:, 1::2] = 1 - ends[:, 1::2]
        shades = rng.uniform(150, 255, count).astype(int).tolist()
        for line, shade in zip((ends * side).tolist(), shades, strict=True):
            pen.line(line, fill=shade, width=2)
    small = picture.resize((TEXTURE, TEXTURE), Image.Resampling.BOX)
    cover = np.asarray(small, np.float32) / 255
    cover = np.clip(cover * 1.15 + 0.42 * gaussian_filter(cover, 3), 0, 0.93)
    found: FloatArray = (cover * rng.uniform(0.75, 1)).astype(np.float32)
    return found


def _hairs(
    ridge: DoubleArray, count: int, thickness: float, length: float, rng: np.random.Generator
) -> tuple[DoubleArray, DoubleArray]:
    """Roots and tips (count, 2) of hairs along a ridge (200, 2) from the outer end, in u and v;
    ``length`` is negative if inwards means left.
    """
    along = rng.beta(1.25, 1.2, count)
    width = thickness * (0.30 + 0.70 * smoothstep(0, 0.45, along))
    width *= 1 - 0.45 * smoothstep(0.8, 1, along)
    offset = rng.uniform(-0.5, 0.5, count) * width
    roots = ridge[(along * 199).astype(int)] + np.stack([np.zeros(count), offset], axis=1)
    degrees = np.interp(along, [0, 0.5, 0.85, 1], [200, 170, 130, 95])
    angle = np.radians(degrees + rng.normal(0, 10, count) - 40 * offset / width)
    direction = np.stack([np.cos(angle) * np.sign(length), np.sin(angle)], axis=1)
    return roots, roots + abs(length) * rng.uniform(0.6, 1.1, count)[:, None] * direction


def with_hair_volume(
    model: FaceModel, bare: FloatArray, traits: Traits
) -> tuple[FloatArray, DoubleArray]:
    """The vertices of a head with the volume of its hair (V, 3), and how hairy each vertex is (V,),
    0 to 1.
    """
    height = above_hairline(model.vertices) - traits.hairline
    height[~model.is_in(Part.FACE, Part.HEAD)] = -9
    on_face = model.is_in(Part.FACE)
    height[on_face] = without_ears(height, model.uv)[on_face]
    depth = traits.hair_depth * smoothstep(0, 2.6, height)
    points = bare + normals(bare, model.triangles) * depth[:, None].astype(np.float32)
    return points, smoothstep(-0.5, 0.7, height) * _fullness(traits)


def _fullness(traits: Traits) -> float:
    return _BALD if traits.bald else 1.0
