"""Where a person is filmed: light, camera and room, which stay the same in all their frames."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, linear_light
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.noise import smooth_noise

_ROOM = 256
"""Pixels of the noise in a background; pictures of all sizes show the same room."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Lights are amounts of light, colours multiply them (3,)."""

    key_light: float
    ambient_light: float
    fill_light: float
    key_colour: DoubleArray
    ambient_colour: DoubleArray
    exposure: float
    light: DoubleArray
    """Where the key light is, on average: light_x, light_y."""
    pose: DoubleArray
    """How the head is held, on average: yaw, pitch, roll in degrees."""
    camera_distance: float
    """Centimetres."""
    blur: float
    """Standard deviation in pixels of the picture."""
    noise: float
    """Standard deviation in levels of 8 bits."""
    jpeg_quality: int
    walls: tuple[DoubleArray, DoubleArray]
    """Two colours between which the background changes, ..."""
    wall_angle: float
    """... in this direction (radians)."""


def draw_scene(seed: int, person: int) -> Scene:
    """The scene of the person of that number."""
    draws = generator(seed, Drawn.SCENE, person)
    warmth = draws.normal(0, 0.05)
    return Scene(
        key_light=draws.uniform(0.75, 1.15),
        ambient_light=draws.uniform(0.22, 0.48),
        fill_light=draws.uniform(0.05, 0.3),
        key_colour=np.array([1 + warmth, 1, 1 - warmth]),
        ambient_colour=np.array([1 - 0.8 * warmth, 1, 1 + 0.8 * warmth]),
        exposure=1 + draws.normal(0, 0.06),
        light=draw_light(draws),
        pose=draws.normal([0, -1, 0], [6, 4, 2.5]),
        camera_distance=draws.uniform(62, 120),
        blur=draws.uniform(0.25, 0.75),
        noise=draws.uniform(0.6, 2.2),
        jpeg_quality=int(draws.integers(88, 96)),
        walls=(_draw_wall(draws), _draw_wall(draws)),
        wall_angle=draws.uniform(0, 2 * np.pi),
    )


def draw_light(draws: np.random.Generator) -> DoubleArray:
    """Where a key light is: light_x (to the right), light_y (up), of a unit vector."""
    return draws.uniform([-0.65, -0.05], [0.65, 0.7])


def background(scene: Scene, seed: int, person: int, size: int) -> FloatArray:
    """Amounts of light behind the person (size, size, 3)."""
    places = (np.arange(size) + 0.5) / size
    noise = smooth_noise(generator(seed, Drawn.BACKGROUND, person), 20, _ROOM)
    cells = np.minimum((places * _ROOM).astype(int), _ROOM - 1)
    across = np.cos(scene.wall_angle) * (places[None] - 0.5)
    down = np.sin(scene.wall_angle) * (places[:, None] - 0.5)
    cloudy = 0.12 * noise[np.ix_(cells, cells)]
    share = np.clip(0.5 + 0.8 * (across + down) + cloudy, 0, 1)[..., None]
    one, other = scene.walls
    mixed: DoubleArray = one * share + other * (1 - share)
    return mixed.astype(np.float32)


def _draw_wall(draws: np.random.Generator) -> DoubleArray:
    grey, tint = draws.uniform(0.05, 0.85), draws.normal(0, 0.08, 3)
    return linear_light(np.clip(grey * (1 + tint), 0, 1)).clip(0, 1)
