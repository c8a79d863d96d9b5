"""Where a person is: light, camera and room, which stay the same in all their frames."""

from dataclasses import dataclass

import numpy as np

from create_dataset.rendering.curves import DoubleArray, FloatArray, linear_light
from create_dataset.rendering.noise import smooth_noise
from create_dataset.rendering.seeding import Purpose, make_rng

_ROOM = 256
"""Resolution of the noise in a background, so that pictures of all sizes show the same room."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Lights are intensities, multiplied by colours (3,)."""

    key_light: float
    ambient_light: float
    fill_light: float
    key_colour: DoubleArray
    ambient_colour: DoubleArray
    exposure: float
    light: DoubleArray
    """Mean direction of the key light: light_x, light_y."""
    pose: DoubleArray
    """Mean pose: yaw, pitch, roll in degrees."""
    camera_distance: float
    """Centimetres."""
    blur: float
    """Standard deviation in pixels."""
    noise: float
    """Standard deviation in 8-bit levels."""
    jpeg_quality: int
    walls: tuple[DoubleArray, DoubleArray]
    """The two colours of the background, a gradient."""
    wall_angle: float
    """Direction of the gradient in radians."""


def draw_scene(seed: int, person: int) -> Scene:
    """The scene of the person with this number."""
    rng = make_rng(seed, Purpose.SCENE, person)
    warmth = rng.normal(0, 0.05)
    return Scene(
        key_light=rng.uniform(0.75, 1.15),
        ambient_light=rng.uniform(0.22, 0.48),
        fill_light=rng.uniform(0.05, 0.3),
        key_colour=np.array([1 + warmth, 1, 1 - warmth]),
        ambient_colour=np.array([1 - 0.8 * warmth, 1, 1 + 0.8 * warmth]),
        exposure=1 + rng.normal(0, 0.06),
        light=draw_light(rng),
        pose=rng.normal([0, -1, 0], [6, 4, 2.5]),
        camera_distance=rng.uniform(62, 120),
        blur=rng.uniform(0.25, 0.75),
        noise=rng.uniform(0.6, 2.2),
        jpeg_quality=int(rng.integers(88, 96)),
        walls=(_draw_wall(rng), _draw_wall(rng)),
        wall_angle=rng.uniform(0, 2 * np.pi),
    )


def draw_light(rng: np.random.Generator) -> DoubleArray:
    """Direction of a key light: light_x (right) and light_y (up) of a unit vector."""
    return rng.uniform([-0.65, -0.05], [0.65, 0.7])


def background(scene: Scene, seed: int, person: int, size: int) -> FloatArray:
    """Linear light behind the person (size, size, 3)."""
    places = (np.arange(size) + 0.5) / size
    noise = smooth_noise(make_rng(seed, Purpose.BACKGROUND, person), 20, _ROOM)
    cells = np.minimum((places * _ROOM).astype(int), _ROOM - 1)
    across = np.cos(scene.wall_angle) * (places[None] - 0.5)
    down = np.sin(scene.wall_angle) * (places[:, None] - 0.5)
    cloudy = 0.12 * noise[np.ix_(cells, cells)]
    share = np.clip(0.5 + 0.8 * (across + down) + cloudy, 0, 1)[..., None]
    one, other = scene.walls
    mixed: DoubleArray = one * share + other * (1 - share)
    return mixed.astype(np.float32)


def _draw_wall(rng: np.random.Generator) -> DoubleArray:
    grey, tint = rng.uniform(0.05, 0.85), rng.normal(0, 0.08, 3)
    return linear_light(np.clip(grey * (1 + tint), 0, 1)).clip(0, 1)
