"""Renders one frame: a person with an expression, a pose and a light, as an 8-bit picture."""

import math
from dataclasses import dataclass

import numpy as np

from audetnet.faces.alignment import ByteImage
from create_dataset.rendering.action_units import fold_strengths
from create_dataset.rendering.albedo import Eyes, Skin, sum_folds
from create_dataset.rendering.camera import PosedHead, pose_head
from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import DoubleArray, FloatArray, srgb_of
from create_dataset.rendering.expressions import expression
from create_dataset.rendering.face import Face
from create_dataset.rendering.head_mesh import HeadMesh
from create_dataset.rendering.lenses import composite_lenses
from create_dataset.rendering.mesh import blend_shapes, normals
from create_dataset.rendering.person import Person
from create_dataset.rendering.rasteriser import rasterise
from create_dataset.rendering.scene import Scene
from create_dataset.rendering.shading import Lighting, Surface, packed, shade
from create_dataset.rendering.shadow import shadow_map

SAMPLES = 2
"""Per pixel, in each direction."""
_SHADOW_SIZE = 360


@dataclass(frozen=True, kw_only=True)
class FrameState:
    """What changes from frame to frame; see expressions.expression and camera.posed."""

    intensities: DoubleArray
    hidden: DoubleArray
    gaze: DoubleArray
    pose: DoubleArray
    light: DoubleArray
    crop: DoubleArray


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a picture is taken. ``room``: the light behind the person (S, S, 3), per sample;
    ``fill_direction`` (3,): a unit vector, or None for the side opposite the key light.
    """

    scene: Scene
    room: FloatArray
    fill_direction: DoubleArray | None = None


class FaceRenderer:
    """Renders pictures of one person. With ``wrinkles``, skin folds when the face moves; without,
    only the shape changes.
    """

    def __init__(self, face: Face, person: Person, wrinkles: bool) -> None:
        self._face, self._person = face, person
        self._moving_folds = person.traits.moving_folds * np.float32(wrinkles)

    def picture(
        self, state: FrameState, mesh: HeadMesh, setting: Setting, noise: np.random.Generator
    ) -> ByteImage:
        """RGB (size, size, 3)."""
        from scipy.ndimage import gaussian_filter

        scene = setting.scene
        soft = gaussian_filter(self.light(state, mesh, setting), (scene.blur, scene.blur, 0))
        grain = noise.standard_normal(soft.shape, dtype=np.float32)
        return _develop(soft, grain, scene.noise)

    def light(self, state: FrameState, mesh: HeadMesh, setting: Setting) -> FloatArray:
        """The light of each pixel (size, size, 3), with bright light compressed."""
        person, model = self._person, self._face.model
        weights = expression(model, person.traits, state.intensities, state.hidden, state.gaze)
        moved = blend_shapes(person.points, model.expressions, weights)
        light = setting.room.copy()
        head = pose_head(
            model,
            person.points,
            mesh.with_worn(moved),
            state.pose,
            state.crop,
            setting.scene.camera_distance,
            len(light),
        )
        self._shade(head, state, mesh, setting, light)
        return _exposed(light, SAMPLES)

    def _shade(
        self,
        head: PosedHead,
        state: FrameState,
        mesh: HeadMesh,
        setting: Setting,
        light: FloatArray,
    ) -> None:
        face, person, traits = self._face, self._person, self._person.traits
        shown, weights = rasterise(
            head.in_picture,
            mesh.triangles,
            mesh.parts,
            mesh.uv,
            len(light),
            traits.lashes,
        )
        key_direction = _direction(*state.light.tolist())
        shadow = shadow_map(head.points, mesh.solid, key_direction, _SHADOW_SIZE, both_sides=False)
        turned = normals(head.points, mesh.triangles)
        surface = Surface(
            triangles=mesh.triangles,
            parts=mesh.parts,
            vertices=packed(turned, mesh.occlusion, mesh.uv, shadow.places),
            head_colours=mesh.colours,
            eye_positions=mesh.eye_positions,
            lash_colour=(traits.hair * 0.5).astype(np.float32),
            rotation=head.rotation,
        )
        strengths = fold_strengths(state.intensities).astype(np.float32)
        strengths = strengths * self._moving_folds + traits.resting_folds
        folds = sum_folds(face.wrinkles.maps, face.wrinkles.boxes, strengths)
        skin = Skin(person.skin, folds, traits.fold_offset)
        eyes = Eyes(traits.iris.astype(np.float32), traits.eye_shape)
        lighting = _lighting(setting, key_direction)
        shade(shown, weights, surface, skin, eyes, lighting, shadow.depth, light)
        if lenses := mesh.lenses:
            composite_lenses(
                head.project(lenses.points),
                lenses.triangles,
                lenses.shine * lighting.sky,
                lenses.clear,
                shown,
                weights,
                head.in_picture,
                mesh.triangles,
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
    """The unit vector to the key light, which is always somewhat in front."""
    ahead = math.sqrt(max(0.05, 1 - light_x * light_x - light_y * light_y))
    vector = np.array([light_x, light_y, ahead])
    return vector / math.sqrt((vector**2).sum())


@compiled
def _exposed(light: FloatArray, samples: int) -> FloatArray:
    """The mean light of each pixel (S, S, 3), with bright light compressed."""
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
def _develop(light: FloatArray, grain: FloatArray, noise: float) -> ByteImage:
    """sRGB, with noise of this many levels."""
    result = np.empty(light.shape, np.uint8)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for channel in range(3):
                level = 255 * srgb_of(light[row, column, channel])
                level += noise * grain[row, column, channel] + 0.5
                result[row, column, channel] = int(min(max(level, 0.0), 255.0))
    return result
