"""The light, camera and development of one varied picture."""

from dataclasses import dataclass, replace

import numpy as np

from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.scene import Scene, draw_scene
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.varied.development import Development, draw_development

_FLAT = 0.15
"""The share of pictures lit almost only by the sky."""
_HARD = 0.15
"""The share of pictures lit almost only by the key light."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """``scene``: of this picture alone; ``fill_direction`` (3,): a unit vector."""

    scene: Scene
    fill_direction: DoubleArray
    development: Development


def draw_conditions(seed: int, place: int, picture: int) -> Conditions:
    """For a picture in scene number ``place``; people who share the scene share its conditions."""
    rng = make_rng(seed, Purpose.CONDITIONS, place, picture)
    mood = rng.random()
    key, ambient, fill = rng.uniform(0.4, 1.5), rng.uniform(0.15, 0.7), rng.uniform(0, 0.5)
    if mood < _FLAT:
        key, ambient, fill = 0.15 * key, ambient + 0.5, 0.3 * fill
    elif mood < _FLAT + _HARD:
        key, ambient, fill = key + 0.4, 0.3 * ambient, rng.choice([0, 1.2]) * fill
    scene = replace(
        draw_scene(seed, place),
        key_light=key,
        ambient_light=ambient,
        fill_light=fill,
        key_colour=_tinted(rng, 0.11),
        ambient_colour=_tinted(rng, 0.08),
        exposure=float(np.exp(rng.normal(0, 0.3))),
        camera_distance=float(np.exp(rng.uniform(np.log(32), np.log(300)))),
        blur=float(np.exp(rng.uniform(np.log(0.2), np.log(1.7)))),
        noise=float(np.exp(rng.uniform(np.log(0.5), np.log(11)))),
        jpeg_quality=int(rng.integers(25, 96)),
    )
    fill_direction = rng.normal([0, 0.1, 0.5], [0.9, 0.5, 0.5])
    fill_direction /= np.sqrt((fill_direction**2).sum()) + 1e-9
    return Conditions(scene=scene, fill_direction=fill_direction, development=draw_development(rng))


def _tinted(rng: np.random.Generator, spread: float) -> DoubleArray:
    """A light between candles and blue sky, at times greenish or magenta."""
    warmth, green = rng.normal(0, spread), rng.normal(0, 0.25 * spread)
    light: DoubleArray = np.clip(np.array([1 + warmth, 1 + green, 1 - warmth]), 0.4, 1.7)
    return light
