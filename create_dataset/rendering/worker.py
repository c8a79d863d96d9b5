"""The work of a process: renders pictures of a person, each written atomically."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from audetnet.faces.alignment import ByteImage
from audetnet.files.atomic import atomic_write
from create_dataset.rendering.face import Face
from create_dataset.rendering.frame import SAMPLES, FaceRenderer, FrameState, Setting
from create_dataset.rendering.head_mesh import HeadMesh, head_mesh
from create_dataset.rendering.person import Person, make_person
from create_dataset.rendering.scene import background, draw_scene
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.traits import Traits
from create_dataset.rendering.varied.backdrop import backdrop
from create_dataset.rendering.varied.conditions import draw_conditions
from create_dataset.rendering.varied.development import develop
from create_dataset.rendering.varied.people import SESSION, dress


@dataclass(frozen=True)
class Shot:
    """One picture: its number among those of the person, its file, and what it shows."""

    picture: int
    file: str
    state: FrameState


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """Some pictures of one person, in the scene with this number."""

    person: int
    scene: int
    traits: Traits
    shots: tuple[Shot, ...]


Camera = Callable[[Shot], tuple[ByteImage, int]]
"""Takes a picture (S, S, 3); also returns the JPEG quality to save it with."""


@dataclass(frozen=True, kw_only=True)
class RenderWorker:
    """Renders jobs into a folder of images; ``parts`` holds partial files."""

    face: Face
    images: Path
    parts: Path
    seed: int
    size: int
    wrinkles: bool
    varied: bool

    def __call__(
        self, job: RenderJob, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> int:
        """Returns the number of pictures rendered."""
        person = make_person(self.face, job.traits, self.seed, job.person)
        renderer = FaceRenderer(self.face, person, self.wrinkles)
        take = self._varied_camera if self.varied else self._steady_camera
        camera = take(renderer, person, job)
        part = self.parts / f"{os.getpid()}.jpg"  # each process has its own
        for count, shot in enumerate(job.shots):
            if stopped():
                return count
            picture, quality = camera(shot)
            with atomic_write(self.images / shot.file, staging=part) as unfinished:
                Image.fromarray(picture).save(unfinished, quality=quality)
            advance(1)
        return len(job.shots)

    def _steady_camera(self, renderer: FaceRenderer, person: Person, job: RenderJob) -> Camera:
        """All pictures of a person in the same room and light."""
        scene = draw_scene(self.seed, job.scene)
        room = background(scene, self.seed, job.scene, SAMPLES * self.size)
        setting, body = Setting(scene=scene, room=room), head_mesh(self.face, person)

        def take(shot: Shot) -> tuple[ByteImage, int]:
            noise = make_rng(self.seed, Purpose.PIXEL_NOISE, job.person, shot.picture)
            return renderer.picture(shot.state, body, setting, noise), scene.jpeg_quality

        return take

    def _varied_camera(self, renderer: FaceRenderer, person: Person, job: RenderJob) -> Camera:
        """Each picture in another place."""

        @lru_cache(maxsize=1)
        def dressed_for(session: int) -> HeadMesh:
            return dress(self.face, person, self.seed, job.person, session)

        def take(shot: Shot) -> tuple[ByteImage, int]:
            picture = shot.picture
            conditions = draw_conditions(self.seed, job.scene, picture)
            behind = make_rng(self.seed, Purpose.BACKGROUND, job.scene, picture)
            setting = Setting(
                scene=conditions.scene,
                room=backdrop(behind, SAMPLES * self.size),
                fill_direction=conditions.fill_direction,
            )
            light = renderer.light(shot.state, dressed_for(picture // SESSION), setting)
            noise = make_rng(self.seed, Purpose.PIXEL_NOISE, job.person, picture)
            shown = develop(light, conditions.scene, conditions.development, noise)
            return shown, conditions.scene.jpeg_quality

        return take
