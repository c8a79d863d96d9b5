"""The kernel that shades every visible point.

A key light with soft shadows, a fill light from the other side, and an ambient light from the sky
above and the ground below. Diffuse light is wrapped, red more than blue, as skin scatters it;
Blinn-Phong highlights with Schlick's Fresnel term. The camera is far away along z.
"""

import math
from typing import NamedTuple

import numpy as np

from create_dataset.rendering.albedo import Colour, Eyes, Skin, eye_at, skin_at
from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import ByteArray, IntArray, Part
from create_dataset.rendering.materials import (
    CAVITY,
    CAVITY_SLOPE,
    COLOURS,
    GLOSS,
    LEAST_LIT,
    PROPERTIES,
    SHININESS,
    WRAP_SCALES,
    WRAPS,
)

_FACE, _HEAD, _LASHES = int(Part.FACE), int(Part.HEAD), int(Part.LASHES)
_GLASSES = int(Part.GLASSES)
_LEFT_EYE, _RIGHT_EYE = int(Part.LEFT_EYE), int(Part.RIGHT_EYE)
_SHADOW_BIAS = 0.28
"""Centimetres."""
_SHADOW_BLUR = 1.6
"""Distance between the nine sampled points, in pixels of the shadow map."""
_WIDEST_WRAP = 0.5
_FAINTEST = 9.0
"""Highlights dimmer than exp(-this) are left out."""


class Surface(NamedTuple):
    """The posed head. ``vertices`` (V, 9): see ``packed``. ``rotation`` (3, 3) turns the gradients
    of the skin along with the head.
    """

    triangles: IntArray
    parts: ByteArray
    vertices: FloatArray
    head_colours: FloatArray
    eye_positions: FloatArray
    lash_colour: FloatArray
    rotation: FloatArray


class Lighting(NamedTuple):
    """Unit vectors to the key and fill lights (3,), and the light from each source (3,)."""

    key_direction: FloatArray
    key: FloatArray
    fill_direction: FloatArray
    fill: FloatArray
    sky: FloatArray
    ground: FloatArray


@compiled
def packed(
    normals: FloatArray, occlusion: FloatArray, uv: FloatArray, places: FloatArray
) -> FloatArray:
    """Normal, occlusion, texture coordinates and shadow map position of each vertex (V, 9), next to
    each other in memory: shading a point needs them all.
    """
    result = np.empty((normals.shape[0], 9), np.float32)
    for v in range(normals.shape[0]):
        for axis in range(3):
            result[v, axis] = normals[v, axis]
            result[v, 6 + axis] = places[v, axis]
        result[v, 3] = occlusion[v]
        result[v, 4] = uv[v, 0]
        result[v, 5] = uv[v, 1]
    return result


@compiled
def shade(  # noqa: PLR0915 - passing arrays to functions for every pixel would dominate the cost
    shown: IntArray,
    weights: FloatArray,
    surface: Surface,
    skin: Skin,
    eyes: Eyes,
    lighting: Lighting,
    shadow: FloatArray,
    picture: FloatArray,
) -> None:
    """Write the light of every covered pixel to ``picture`` (S, S, 3), over the background.
    ``shadow``: the depth of a ShadowMap.
    """
    triangles, vertices = surface.triangles, surface.vertices
    skin_here = np.zeros(7, np.float32)
    key_half = _half_way(lighting.key_direction)
    fill_half = _half_way(lighting.fill_direction)
    fresnel = 0.04 + 0.96 * (1 - key_half[2]) ** 5
    for row in range(shown.shape[0]):
        for column in range(shown.shape[1]):
            f = shown[row, column]
            if f < 0:
                continue
            a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
            wa, wb = weights[row, column, 0], weights[row, column, 1]
            wc = 1 - wa - wb
            nx, ny, nz = _mixed(vertices, 0, a, b, c, wa, wb, wc)
            part = surface.parts[f]
            gloss = float(PROPERTIES[part, GLOSS])
            if part == _FACE:
                u = wa * vertices[a, 4] + wb * vertices[b, 4] + wc * vertices[c, 4]
                v = wa * vertices[a, 5] + wb * vertices[b, 5] + wc * vertices[c, 5]
                skin_at(skin, u, v, skin_here)
                red, green, blue, gloss = skin_here[0], skin_here[1], skin_here[2], skin_here[3]
                turn = surface.rotation
                gx, gy, gz = skin_here[4], skin_here[5], skin_here[6]
                nx -= turn[0, 0] * gx + turn[0, 1] * gy + turn[0, 2] * gz
                ny -= turn[1, 0] * gx + turn[1, 1] * gy + turn[1, 2] * gz
                nz -= turn[2, 0] * gx + turn[2, 1] * gy + turn[2, 2] * gz
            elif part in (_HEAD, _GLASSES):
                red, green, blue = _mixed(surface.head_colours, 0, a, b, c, wa, wb, wc)
            elif _LEFT_EYE <= part <= _RIGHT_EYE:
                x, y, z = _mixed(surface.eye_positions, 0, a, b, c, wa, wb, wc)
                red, green, blue = eye_at(eyes, x, y, z)
            elif part == _LASHES:
                hair = surface.lash_colour
                red, green, blue = float(hair[0]), float(hair[1]), float(hair[2])
            else:
                red, green, blue = COLOURS[part, 0], COLOURS[part, 1], COLOURS[part, 2]
            unit = 1.0 / (math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9)
            nx, ny, nz = nx * unit, ny * unit, nz * unit
            open_sky = wa * vertices[a, 3] + wb * vertices[b, 3] + wc * vertices[c, 3]
            cavity = PROPERTIES[part, CAVITY] + PROPERTIES[part, CAVITY_SLOPE] * open_sky
            cavity = min(1.0, cavity)
            key = lighting.key_direction
            towards_key = nx * key[0] + ny * key[1] + nz * key[2]
            lit = 0.0
            if towards_key > -_WIDEST_WRAP:
                x, y, z = _mixed(vertices, 6, a, b, c, wa, wb, wc)
                lit = max(_lit(shadow, x, y, z), PROPERTIES[part, LEAST_LIT])
            fill = lighting.fill_direction
            towards_fill = max(0.0, nx * fill[0] + ny * fill[1] + nz * fill[2])
            shininess = int(PROPERTIES[part, SHININESS])
            highlight = _highlight(nx, ny, nz, key_half, shininess) * max(towards_key, 0.0)
            highlight *= gloss * fresnel * lit * cavity
            second = _highlight(nx, ny, nz, fill_half, shininess) * towards_fill
            second *= gloss * 0.05 * cavity
            sideways = (1 - max(0.0, nz)) ** 2
            rim = gloss * 0.05 * sideways * sideways * open_sky
            upwards = 0.5 * (ny + 1.0)
            ambient = (0.12 + 0.88 * open_sky) * cavity
            filled = towards_fill * (0.4 + 0.6 * open_sky) * cavity
            keyed = lit * cavity
            for channel in range(3):
                albedo = red if channel == 0 else green if channel == 1 else blue
                wrap = WRAPS[part, channel]
                direct = max(0.0, (towards_key + wrap) * WRAP_SCALES[part, channel]) * keyed
                ground, sky = lighting.ground[channel], lighting.sky[channel]
                light = lighting.key[channel] * direct + lighting.fill[channel] * filled
                light += (ground + (sky - ground) * upwards) * ambient
                shine = highlight * lighting.key[channel] + second * lighting.fill[channel]
                picture[row, column, channel] = albedo * light + shine + rim * sky


@compiled
def _mixed(
    values: FloatArray, first: int, a: int, b: int, c: int, wa: float, wb: float, wc: float
) -> Colour:
    """Interpolate three vertex values, from column ``first`` on, at a point in a triangle."""
    return (
        wa * values[a, first] + wb * values[b, first] + wc * values[c, first],
        wa * values[a, first + 1] + wb * values[b, first + 1] + wc * values[c, first + 1],
        wa * values[a, first + 2] + wb * values[b, first + 2] + wc * values[c, first + 2],
    )


@compiled
def _half_way(direction: FloatArray) -> tuple[float, float, float]:
    """The unit vector halfway between a light and the camera."""
    x, y, z = direction[0], direction[1], direction[2] + 1.0
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


@compiled
def _highlight(nx: float, ny: float, nz: float, half: Colour, shininess: int) -> float:
    """Normalised Blinn-Phong, without colour and gloss."""
    along = nx * half[0] + ny * half[1] + nz * half[2]
    if along <= 0 or shininess * (1 - along) >= _FAINTEST:
        return 0.0
    return (shininess + 8) / 8 * _power(along, shininess)


@compiled
def _power(base: float, exponent: int) -> float:
    """By squaring, which takes half the time of exp and log."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


@compiled
def _lit(depth: FloatArray, column: float, row: float, near: float) -> float:
    """The share of nine shadow map samples around a point that do not shadow it."""
    size = depth.shape[0]
    near += _SHADOW_BIAS
    seen = 0
    for down in range(-1, 2):
        i = int(row + down * _SHADOW_BLUR)
        for across in range(-1, 2):
            j = int(column + across * _SHADOW_BLUR)
            if i < 0 or j < 0 or i >= size or j >= size or near > depth[i, j]:
                seen += 1
    return seen * (1.0 / 9.0)
