"""The work of a process: pictures of a person, each file whole or not there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from audetnet.files.whole import written_whole
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.face import Face
from create_dataset.rendering.frame import SAMPLES, Instant, Studio
from create_dataset.rendering.person import make_person
from create_dataset.rendering.scene import background, draw_scene
from create_dataset.rendering.traits import Traits


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


@dataclass(frozen=True, kw_only=True)
class Filming:
    """Renders jobs into a folder of images; ``parts`` holds the files that are being written."""

    face: Face
    images: Path
    parts: Path
    seed: int
    size: int
    wrinkles: bool

    def __call__(
        self, job: FilmJob, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> int:
        """How many pictures were rendered."""
        person = make_person(self.face, job.traits, self.seed, job.person)
        scene = draw_scene(self.seed, job.scene)
        room = background(scene, self.seed, job.scene, SAMPLES * self.size)
        studio = Studio(self.face, person, scene, room, self.wrinkles)
        part = self.parts / f"{os.getpid()}.jpg"  # nobody else writes there
        for count, shot in enumerate(job.shots):
            if stopped():
                return count
            noise = generator(self.seed, Drawn.PIXEL_NOISE, job.person, shot.picture)
            picture = studio.picture(shot.instant, noise)
            with written_whole(self.images / shot.file, kept_at=part) as unfinished:
                Image.fromarray(picture).save(unfinished, quality=scene.jpeg_quality)
            advance(1)
        return len(job.shots)
