"""The work of a process: pictures of a person, each file whole or not there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from audetnet.faces.alignment import ByteImage
from audetnet.files.atomic import atomic_write
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.face import Face
from create_dataset.rendering.figure import Figure, figure
from create_dataset.rendering.frame import SAMPLES, Instant, Setting, Studio
from create_dataset.rendering.person import Person, make_person
from create_dataset.rendering.scene import background, draw_scene
from create_dataset.rendering.traits import Traits
from create_dataset.rendering.varied.backdrop import backdrop
from create_dataset.rendering.varied.conditions import draw_conditions
from create_dataset.rendering.varied.development import developed
from create_dataset.rendering.varied.people import SESSION, dressed


@dataclass(frozen=True)
class Shot:
    """One picture: its number among those of the person, its file, what it shows."""

    picture: int
    file: str
    instant: Instant


@dataclass(frozen=True, kw_only=True)
class FilmJob:
    """Some pictures of one person, in the scene of that number."""

    person: int
    scene: int
    traits: Traits
    shots: tuple[Shot, ...]


Camera = Callable[[Shot], tuple[ByteImage, int]]
"""Takes a picture (S, S, 3); beside it, the quality that it is kept with."""


@dataclass(frozen=True, kw_only=True)
class Filming:
    """Renders jobs into a folder of images; ``parts`` holds the files that are being written."""

    face: Face
    images: Path
    parts: Path
    seed: int
    size: int
    wrinkles: bool
    varied: bool

    def __call__(
        self, job: FilmJob, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> int:
        """How many pictures were rendered."""
        person = make_person(self.face, job.traits, self.seed, job.person)
        studio = Studio(self.face, person, self.wrinkles)
        take = self._varied_camera if self.varied else self._steady_camera
        camera = take(studio, person, job)
        part = self.parts / f"{os.getpid()}.jpg"  # nobody else writes there
        for count, shot in enumerate(job.shots):
            if stopped():
                return count
            picture, quality = camera(shot)
            with atomic_write(self.images / shot.file, staging=part) as unfinished:
                Image.fromarray(picture).save(unfinished, quality=quality)
            advance(1)
        return len(job.shots)

    def _steady_camera(self, studio: Studio, person: Person, job: FilmJob) -> Camera:
        """All pictures of a person in one room and light."""
        scene = draw_scene(self.seed, job.scene)
        room = background(scene, self.seed, job.scene, SAMPLES * self.size)
        setting, body = Setting(scene=scene, room=room), figure(self.face, person)

        def take(shot: Shot) -> tuple[ByteImage, int]:
            noise = generator(self.seed, Drawn.PIXEL_NOISE, job.person, shot.picture)
            return studio.picture(shot.instant, body, setting, noise), scene.jpeg_quality

        return take

    def _varied_camera(self, studio: Studio, person: Person, job: FilmJob) -> Camera:
        """Each picture somewhere else."""

        @lru_cache(maxsize=1)
        def dressed_for(session: int) -> Figure:
            return dressed(self.face, person, self.seed, job.person, session)

        def take(shot: Shot) -> tuple[ByteImage, int]:
            picture = shot.picture
            conditions = draw_conditions(self.seed, job.scene, picture)
            behind = generator(self.seed, Drawn.BACKGROUND, job.scene, picture)
            setting = Setting(
                scene=conditions.scene,
                room=backdrop(behind, SAMPLES * self.size),
                fill_direction=conditions.fill_direction,
            )
            light = studio.light(shot.instant, dressed_for(picture // SESSION), setting)
            noise = generator(self.seed, Drawn.PIXEL_NOISE, job.person, picture)
            shown = developed(light, conditions.scene, conditions.development, noise)
            return shown, conditions.scene.jpeg_quality

        return take
