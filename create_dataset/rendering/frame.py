"""One frame: a person with an expression, a pose and a light, as an 8-bit picture."""

import math
from dataclasses import dataclass

import numpy as np

from audetnet.faces.alignment import ByteImage
from create_dataset.rendering.action_units import fold_strengths
from create_dataset.rendering.albedo import Eyes, Skin, folded
from create_dataset.rendering.camera import PosedHead, posed
from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import DoubleArray, FloatArray, srgb_of
from create_dataset.rendering.expressions import expression
from create_dataset.rendering.face import Face
from create_dataset.rendering.figure import Figure
from create_dataset.rendering.mesh import blended, normals
from create_dataset.rendering.panes import look_through
from create_dataset.rendering.person import Person
from create_dataset.rendering.rasteriser import visible
from create_dataset.rendering.scene import Scene
from create_dataset.rendering.shading import Lighting, Surface, packed, shade
from create_dataset.rendering.shadow import shadow_map

SAMPLES = 2
"""Of each pixel, in each direction."""
_SHADOW_SIZE = 360


@dataclass(frozen=True, kw_only=True)
class Instant:
    """What changes from frame to frame; see expressions.expression and camera.posed."""

    intensities: DoubleArray
    hidden: DoubleArray
    gaze: DoubleArray
    pose: DoubleArray
    light: DoubleArray
    crop: DoubleArray


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a picture is taken. ``room``: the light behind the person (S, S, 3), in samples;
    ``fill_direction`` (3,): a unit vector, or None for the side where the key light is not.
    """

    scene: Scene
    room: FloatArray
    fill_direction: DoubleArray | None = None


class Studio:
    """Takes pictures of one person. ``wrinkles``: skin folds when the face moves; else only its
    shape changes.
    """

    def __init__(self, face: Face, person: Person, wrinkles: bool) -> None:
        self._face, self._person = face, person
        self._moving_folds = person.traits.moving_folds * np.float32(wrinkles)

    def picture(
        self, instant: Instant, figure: Figure, setting: Setting, noise: np.random.Generator
    ) -> ByteImage:
        """RGB (size, size, 3)."""
        from scipy.ndimage import gaussian_filter

        scene = setting.scene
        soft = gaussian_filter(self.light(instant, figure, setting), (scene.blur, scene.blur, 0))
        grain = noise.standard_normal(soft.shape, dtype=np.float32)
        return _developed(soft, grain, scene.noise)

    def light(self, instant: Instant, figure: Figure, setting: Setting) -> FloatArray:
        """That of each pixel (size, size, 3), bright light compressed."""
        person, model = self._person, self._face.model
        weights = expression(
            model, person.traits, instant.intensities, instant.hidden, instant.gaze
        )
        moved = blended(person.points, model.expressions, weights)
        light = setting.room.copy()
        head = posed(
            model,
            person.points,
            figure.with_worn(moved),
            instant.pose,
            instant.crop,
            setting.scene.camera_distance,
            len(light),
        )
        self._shade(head, instant, figure, setting, light)
        return _exposed(light, SAMPLES)

    def _shade(
        self,
        head: PosedHead,
        instant: Instant,
        figure: Figure,
        setting: Setting,
        light: FloatArray,
    ) -> None:
        face, person, traits = self._face, self._person, self._person.traits
        shown, weights = visible(
            head.in_picture, figure.triangles, figure.parts, figure.uv, len(light), traits.lashes
        )
        key_direction = _direction(*instant.light.tolist())
        shadow = shadow_map(
            head.points, figure.solid, key_direction, _SHADOW_SIZE, both_sides=False
        )
        turned = normals(head.points, figure.triangles)
        surface = Surface(
            triangles=figure.triangles,
            parts=figure.parts,
            vertices=packed(turned, figure.occlusion, figure.uv, shadow.places),
            head_colours=figure.colours,
            eye_positions=figure.eye_positions,
            lash_colour=(traits.hair * 0.5).astype(np.float32),
            rotation=head.rotation,
        )
        strengths = fold_strengths(instant.intensities).astype(np.float32)
        strengths = strengths * self._moving_folds + traits.resting_folds
        folds = folded(face.wrinkles.maps, face.wrinkles.boxes, strengths)
        skin = Skin(person.skin, folds, traits.fold_offset)
        eyes = Eyes(traits.iris.astype(np.float32), traits.eye_shape)
        lighting = _lighting(setting, key_direction)
        shade(shown, weights, surface, skin, eyes, lighting, shadow.depth, light)
        if panes := figure.panes:
            look_through(
                head.project(panes.points),
                panes.triangles,
                panes.shine * lighting.sky,
                panes.clear,
                shown,
                weights,
                head.in_picture,
                figure.triangles,
                light,
            )


def _lighting(setting: Setting, key_direction: DoubleArray) -> Lighting:
    scene, fill_direction = setting.scene, setting.fill_direction
    if fill_direction is None:
        fill_direction = np.array([-math.copysign(0.75, key_direction[0]), 0.15, 0.6])
        fill_direction /= math.sqrt((fill_direction**2).sum())
    key = scene.key_colour * scene.key_light * scene.exposure
    surroundings = scene.ambient_colour * scene.exposure
    return Lighting(
        key_direction=key_direction.astype(np.float32),
        key=key.astype(np.float32),
        fill_direction=fill_direction.astype(np.float32),
        fill=(surroundings * scene.fill_light).astype(np.float32),
        sky=(surroundings * scene.ambient_light * 1.15).astype(np.float32),
        ground=(surroundings * scene.ambient_light * 0.55).astype(np.float32),
    )


def _direction(light_x: float, light_y: float) -> DoubleArray:
    """The unit vector to the key light, always somewhat in front."""
    ahead = math.sqrt(max(0.05, 1 - light_x * light_x - light_y * light_y))
    vector = np.array([light_x, light_y, ahead])
    return vector / math.sqrt((vector**2).sum())


@compiled
def _exposed(light: FloatArray, samples: int) -> FloatArray:
    """The mean light of each pixel, bright light compressed: (S, S, 3)."""
    size = light.shape[0] // samples
    result = np.empty((size, size, 3), np.float32)
    for row in range(size):
        for column in range(size):
            for channel in range(3):
                total = 0.0
                for i in range(samples):
                    for j in range(samples):
                        total += light[row * samples + i, column * samples + j, channel]
                mean = total / (samples * samples)
                result[row, column, channel] = mean / (1 + 0.12 * mean)
    return result


@compiled
def _developed(light: FloatArray, grain: FloatArray, noise: float) -> ByteImage:
    """sRGB, with noise of so many levels."""
    result = np.empty(light.shape, np.uint8)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for channel in range(3):
                level = 255 * srgb_of(light[row, column, channel])
                level += noise * grain[row, column, channel] + 0.5
                result[row, column, channel] = int(min(max(level, 0.0), 255.0))
    return result
