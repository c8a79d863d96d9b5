"""Paints the skin of a person as a texture: colour, gloss and pores."""

import numpy as np

from create_dataset.rendering.albedo import SKIN_CHANNELS
from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face import Face
from create_dataset.rendering.hair import beard_cover, brow_cover, scalp_cover
from create_dataset.rendering.noise import smooth_noise
from create_dataset.rendering.regions import Regions
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.texture_space import TEXTURE
from create_dataset.rendering.traits import Traits

_DARKEST, _BRIGHTEST = 0.003, 0.95
_STEEPEST = 0.9


class _Paint:
    """Skin colours (T, T, 3), changed layer by layer."""

    def __init__(self, colour: FloatArray) -> None:
        self.colours = np.empty((TEXTURE, TEXTURE, 3), np.float32)
        self.colours[:] = colour

    def tint(self, amount: FloatArray, colour: tuple[float, float, float]) -> None:
        """Multiply each channel by 1 + amount (T, T) x colour."""
        _tint(self.colours, amount, np.array(colour, np.float32))

    def cover(self, share: FloatArray, colour: FloatArray, shade: FloatArray | None = None) -> None:
        """Blend in a colour with opacity ``share`` (T, T), perhaps shaded (T, T)."""
        _cover(self.colours, share, colour, np.ones_like(share) if shade is None else shade)


@compiled
def _tint(colours: FloatArray, amount: FloatArray, colour: FloatArray) -> None:
    for row in range(amount.shape[0]):
        for column in range(amount.shape[1]):
            for channel in range(3):
                colours[row, column, channel] *= 1 + amount[row, column] * colour[channel]


@compiled
def _cover(colours: FloatArray, share: FloatArray, colour: FloatArray, shade: FloatArray) -> None:
    for row in range(share.shape[0]):
        for column in range(share.shape[1]):
            for channel in range(3):
                below = colours[row, column, channel]
                above = colour[channel] * shade[row, column]
                colours[row, column, channel] = below + share[row, column] * (above - below)


def paint_skin(face: Face, traits: Traits, seed: int, person: int) -> FloatArray:
    """The texture (T, T, 7) of albedo.Skin."""
    rng, hair_draws = make_rng(seed, Purpose.SKIN, person), make_rng(seed, Purpose.HAIR, person)
    regions = face.regions
    skin, hair = traits.skin.astype(np.float32), traits.hair.astype(np.float32)
    paint = _Paint(skin)
    _mottle(paint, regions, traits, rng)
    _paint_lips(paint, regions, traits, rng)
    _paint_spots(paint, face, traits, rng)
    beard = np.zeros((TEXTURE, TEXTURE), np.float32)
    if traits.beard:
        beard = beard_cover(face, traits, hair_draws)
        paint.cover(beard, hair * 1.1 + 0.1 * skin * (1 - traits.beard))
    paint.cover(brow_cover(face, traits, hair_draws), hair * 0.9 + 0.003)
    liner = rng.uniform(0.55, 0.8) if traits.masculine else rng.uniform(0.75, 0.95)
    paint.cover(regions.lid_line * np.float32(liner), hair * 0.35 + 0.004)
    scalp = scalp_cover(face, traits, hair_draws)
    strands = np.clip(1 + 0.35 * smooth_noise(hair_draws, 2, TEXTURE), 0.4, 2)
    paint.cover(scalp, hair * 1.2, strands)
    texture = np.empty((TEXTURE, TEXTURE, SKIN_CHANNELS), np.float32)
    texture[..., :3] = paint.colours
    gloss = (0.32 + 0.5 * regions.oily + 0.5 * regions.lips) * np.float32(rng.uniform(0.5, 1.15))
    gloss *= 1 + np.float32(0.12) * smooth_noise(rng, 2, TEXTURE)
    texture[..., 3] = gloss * (1 - 0.6 * scalp) * (1 - 0.5 * regions.beard * traits.beard)
    texture[..., :4].clip(_DARKEST, _BRIGHTEST, out=texture[..., :4])
    texture[..., 4:] = _pores(face, scalp, rng)
    return texture


def _mottle(paint: _Paint, regions: Regions, traits: Traits, rng: np.random.Generator) -> None:
    """Uneven colour, red cheeks and nose, shadows around the eyes."""
    melanin = sum(
        np.float32(amount) * smooth_noise(rng, sigma, TEXTURE)
        for amount, sigma in ((0.035, 60), (0.02, 14), (0.018, 4), (0.014, 1.2))
    )
    paint.tint(np.asarray(melanin), (1, 1.1, 1.2))
    blood = rng.uniform(0.3, 1.0) * (1 - 0.5 * traits.skin_tone)
    flush = 0.7 * regions.cheeks + 0.9 * regions.nose + 0.4 * regions.chin + 0.7 * regions.ears
    patches = 1 + np.float32(0.3) * smooth_noise(rng, 10, TEXTURE)
    paint.tint(flush * np.float32(blood) * patches, (0.05, -0.16, -0.14))
    tired = np.float32(rng.uniform(0.1, 0.9))
    paint.tint(regions.under_eyes * tired + 0.35 * regions.lid_shade, (-0.14, -0.19, -0.16))
    paint.tint(regions.lid_rim, (-0.08, -0.224, -0.208))


def _paint_lips(paint: _Paint, regions: Regions, traits: Traits, rng: np.random.Generator) -> None:
    colour = traits.skin * (0.80, 0.50, 0.50) * (1 - 0.12 * traits.skin_tone) + (0.02, 0, 0.005)
    if not traits.masculine and rng.random() < 0.35:
        colour = colour * (1.0, 0.55, 0.62)
    share = np.clip(regions.lips * np.float32(rng.uniform(0.65, 0.95)), 0, 1)
    lines = 1 + np.float32(0.10) * smooth_noise(rng, 1.2, TEXTURE)
    paint.cover(share, colour.astype(np.float32), lines)


def _paint_spots(paint: _Paint, face: Face, traits: Traits, rng: np.random.Generator) -> None:
    """Freckles and moles."""
    from scipy.ndimage import gaussian_filter

    if traits.skin_tone < 0.35 and rng.random() < 0.35:
        freckles = (smooth_noise(rng, 1.6, TEXTURE) > 2.0).astype(np.float32)
        freckles *= np.clip(face.regions.cheeks + face.regions.nose, 0, 1)
        paint.tint(gaussian_filter(freckles, 0.8), (-0.30, -0.30, -0.30))
    for _ in range(rng.integers(0, 5)):
        u, v = rng.uniform([0.2, 0.25], [0.8, 0.95])
        radius = rng.uniform(1.2, 3) / TEXTURE
        paint.tint(face.space.spot(u, v, radius, radius).astype(np.float32), (-0.6, -0.6, -0.6))


def _pores(face: Face, scalp: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The gradient of fine bumps (T, T, 3)."""
    fine = np.float32(0.0035) * smooth_noise(rng, 1.0, TEXTURE)
    fine += np.float32(0.006) * smooth_noise(rng, 3.0, TEXTURE)
    rough = np.float32(0.05) * smooth_noise(rng, 1.6, TEXTURE)
    height = fine * (1 - scalp) + scalp * rough
    return np.clip(face.space.gradient(height), -_STEEPEST, _STEEPEST)
