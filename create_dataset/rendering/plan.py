"""Everything a dataset will show, decided before the first picture is rendered."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from audetnet.console.lines import counted
from audetnet.data.splitting import LabelledFrames, Split, Splitter
from audetnet.data.splitting import Request as SplitRequest
from audetnet.data.ties import CannotTieError
from audetnet.errors import UserError, first_few
from create_dataset.rendering.action_units import HIDDEN, PLACE
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.face_model import FaceModel
from create_dataset.rendering.frame import FrameState
from create_dataset.rendering.request import Request, Tie
from create_dataset.rendering.scene import Scene, draw_light, draw_scene
from create_dataset.rendering.schedule import active, schedule
from create_dataset.rendering.seeding import Purpose, make_rng
from create_dataset.rendering.ties import tie
from create_dataset.rendering.tracks import LIGHT, POSE, Tracks, draw_hidden, draw_tracks, rescale
from create_dataset.rendering.traits import Traits, draw_traits
from create_dataset.rendering.varied.conditions import draw_conditions
from create_dataset.rendering.varied.people import exaggerate

GROUP = "identity_group"
"""A factor that cannot be seen: 1 for half of the people in each set, 0 for the others."""
_OF_PEOPLE: dict[str, Callable[[Traits, Scene], float]] = {
    "skin_tone": lambda traits, _: traits.skin_tone,
    "age": lambda traits, _: traits.age,
    "beard": lambda traits, _: traits.beard,
    "key_light": lambda _, scene: scene.key_light,
    "ambient_light": lambda _, scene: scene.ambient_light,
    "fill_light": lambda _, scene: scene.fill_light,
    "exposure": lambda _, scene: scene.exposure,
    "camera_distance": lambda _, scene: scene.camera_distance,
    "blur": lambda _, scene: scene.blur,
    "noise": lambda _, scene: scene.noise,
}
_GAZE = ("gaze_x", "gaze_y")
FACTORS = (
    *POSE,
    *LIGHT,
    "skin_tone",
    *_GAZE,
    *(name for name in _OF_PEOPLE if name != "skin_tone"),
)
"""Columns of factors.csv."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """For P people with T pictures each: ``intensities`` (P, T, A), ``hidden`` (P, T, 6),
    ``factors`` by name (P, T), ``crop`` (P, T, 3). ``scenes``: the number of each person's scene.
    ``achieved``: the gamma of each tie in each set.
    """

    request: Request
    traits: tuple[Traits, ...]
    scenes: tuple[int, ...]
    intensities: DoubleArray
    hidden: DoubleArray
    factors: dict[str, DoubleArray]
    crop: DoubleArray
    split: Split
    achieved: dict[str, dict[str, float]]

    def state(self, person: int, picture: int) -> FrameState:
        """What a picture of a person shows; people count from 1, pictures from 0."""

        def at(names: tuple[str, ...]) -> DoubleArray:
            return np.array([self.factors[name][person - 1, picture] for name in names])

        return FrameState(
            intensities=self.intensities[person - 1, picture],
            hidden=self.hidden[person - 1, picture],
            gaze=at(_GAZE),
            pose=at(POSE),
            light=at(LIGHT),
            crop=self.crop[person - 1, picture],
        )

    @property
    def pictures(self) -> list[tuple[int, int]]:
        """(person, picture), in the order of all tables."""
        shape = self.intensities.shape[:2]
        return [(person + 1, picture) for person, picture in np.ndindex(*shape)]


def frame_id(person: int, picture: int) -> str:
    """The name of a picture."""
    return f"{subject_id(person)}_{picture}"


def subject_id(person: int) -> str:
    return f"SN{person:03d}"


def make_plan(model: FaceModel, request: Request) -> Plan:
    """Raises UserError if a tie or a split is impossible."""
    people, seed = range(1, request.people + 1), request.seed
    traits = tuple(draw_traits(model, seed, person, len(request.names)) for person in people)
    if request.varied:
        traits = tuple(
            exaggerate(each, seed, person) for each, person in zip(traits, people, strict=True)
        )
    # of people with the same expressions, one makes the faces and the others copy them, scene too
    scenes = tuple(1 if request.same_expression else person for person in people)
    actors = 1 if request.same_expression else request.people
    length = request.frames * request.every
    acted = schedule(actors, length, request.rates, request.peaks, seed)[:, :: request.every]
    intensities = np.repeat(acted, request.lights, axis=1)
    tracks = [_tracks(request, person) for person in range(1, actors + 1)]
    if request.same_expression:
        intensities = np.repeat(intensities, request.people, axis=0)
        tracks = tracks * request.people
    split = _split(request, intensities)
    factors = _factors(request, traits, scenes, tracks)
    achieved = {}
    for number, asked in enumerate(request.ties):
        if asked.factor == GROUP:
            factors[GROUP] = _groups(request, split)
        achieved[f"{asked.au}:{asked.factor}"] = _tie(
            intensities, factors[asked.factor], asked, split, make_rng(seed, Purpose.TIE, number)
        )
    shown = intensities[:, :: request.lights]
    hidden = np.zeros((*shown.shape[:2], len(HIDDEN)))
    if not request.all_aus:
        for person, scene in enumerate(scenes):
            hidden[person] = draw_hidden(shown[person], seed, scene)
    return Plan(
        request=request,
        traits=traits,
        scenes=scenes,
        intensities=intensities,
        hidden=np.repeat(hidden, request.lights, axis=1),
        factors=factors,
        crop=np.stack([track.crop for track in tracks]),
        split=split,
        achieved=achieved,
    )


def _tracks(request: Request, person: int) -> Tracks:
    """The tracks of all pictures of a person; everything but the light is the same under all
    lights.
    """
    scene = draw_scene(request.seed, person)
    length = request.frames * request.every
    tracks = draw_tracks(scene, length, request.ranges, request.seed, person)
    tracks = tracks.each(lambda track: track[:: request.every])
    if request.lights == 1 and not request.varied:
        return tracks
    lights = [
        draw_light(make_rng(request.seed, Purpose.LIGHTS, person, picture))
        for picture in range(request.pictures_of_a_person)
    ]
    if request.lights > 1:
        tracks = tracks.each(lambda track: np.repeat(track, request.lights, axis=0))
    return replace(tracks, light=rescale(np.array(lights), LIGHT, request.ranges))


def _factors(
    request: Request, traits: tuple[Traits, ...], scenes: tuple[int, ...], tracks: list[Tracks]
) -> dict[str, DoubleArray]:
    found: dict[str, DoubleArray] = {}
    for names, values in (
        (POSE, [track.pose for track in tracks]),
        (LIGHT, [track.light for track in tracks]),
        (_GAZE, [track.gaze for track in tracks]),
    ):
        found.update(zip(names, np.moveaxis(np.stack(values), -1, 0), strict=True))
    drawn = {scene: _scenes(request, scene) for scene in set(scenes)}
    for name, value in _OF_PEOPLE.items():
        found[name] = np.array(
            [
                [value(who, scene) for scene in drawn[at]]
                for who, at in zip(traits, scenes, strict=True)
            ]
        )
    return {name: found[name] for name in FACTORS}


def _scenes(request: Request, place: int) -> list[Scene]:
    """The scene of each picture."""
    count = request.pictures_of_a_person
    if request.varied:
        return [draw_conditions(request.seed, place, picture).scene for picture in range(count)]
    return [draw_scene(request.seed, place)] * count


def _split(request: Request, intensities: DoubleArray) -> Split:
    """Split the people into training, validation and test, with the AUs spread evenly. There is no
    validation if a single person is left to train on.
    """
    people, pictures = intensities.shape[:2]
    frames = LabelledFrames(
        ids=tuple(frame_id(p + 1, t) for p in range(people) for t in range(pictures)),
        subjects=np.repeat([subject_id(p + 1) for p in range(people)], pictures),
        active=active(intensities).reshape(people * pictures, -1).astype(np.float32),
        aus=request.names,
    )
    training = people - max(1, round(request.test * people))
    validation = request.validation if training > 1 and request.validation else None
    splitter = Splitter(frames, SplitRequest(validation, None, request.seed))
    return splitter.one_split(request.test, None)


def _groups(request: Request, split: Split) -> DoubleArray:
    """1 for every other person in each set, in random order: (P, T)."""
    rng = make_rng(request.seed, Purpose.GROUPS)
    groups = np.zeros(request.people)
    of_person = {name: flags[:: request.pictures_of_a_person] for name, flags in split.sets.items()}
    for members in of_person.values():
        order = rng.permutation(np.flatnonzero(members))
        groups[order[::2]] = 1
    return np.repeat(groups[:, None], request.pictures_of_a_person, axis=1)


def _tie(
    intensities: DoubleArray,
    factor: DoubleArray,
    asked: Tie,
    split: Split,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Tie an AU to a factor within each set, in place; returns the gamma in each."""
    column = intensities.reshape(-1, intensities.shape[-1])[:, PLACE[int(asked.au[2:])]]
    values, achieved = factor.reshape(-1), {}
    for name, flags in split.sets.items():
        if not flags.any():
            continue
        try:
            tied = tie(active(column[flags]), values[flags], asked.strength, rng)
        except CannotTieError as reason:
            people = sorted(set(split.frames.subjects[flags].tolist()))
            raise UserError(
                f"--correlate {asked.au}:{asked.factor}: impossible in the {name} set "
                f"({counted(len(people), 'person', 'people')}: {first_few(people)}): {reason}; "
                "use more --people or --frames, or another factor"
            ) from reason
        column[flags] = column[flags][tied.order]
        achieved[name] = round(tied.achieved, 4)
    return achieved
