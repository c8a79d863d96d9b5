"""What the renderer is asked for, as given by its flags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from create_dataset.rendering.action_units import ALL_NAMES, MORE_AUS, NAMES

DEFAULT_RATES: Mapping[str, float] = dict(
    zip(
        NAMES,
        (0.06, 0.05, 0.15, 0.02, 0.09, 0.045, 0.13, 0.04, 0.06, 0.03, 0.28, 0.09),
        strict=True,
    )
)
"""The share of frames in which each AU is active, about as in DISFA."""
MORE_RATES: Mapping[str, float] = dict(
    zip(
        (f"AU{au}" for au in MORE_AUS),
        (0.12, 0.06, 0.06, 0.04, 0.03, 0.04, 0.05, 0.03, 0.03, 0.06),
        strict=True,
    )
)
"""The same for the other AUs, if all are labelled."""


class Range(NamedTuple):
    """From the smallest to the largest value."""

    low: float
    high: float


RANGES: Mapping[str, Range] = {
    "yaw": Range(-32, 32),
    "pitch": Range(-20, 20),
    "roll": Range(-12, 12),
    "light_x": Range(-0.8, 0.8),
    "light_y": Range(-0.3, 0.8),
}
"""In degrees, and for the light as components of the unit vector to it."""
VARIED_RANGES: Mapping[str, Range] = {
    "yaw": Range(-55, 55),
    "pitch": Range(-34, 34),
    "roll": Range(-25, 25),
    "light_x": Range(-1, 1),
    "light_y": Range(-1, 1),
}
"""The same for varied pictures."""
WIDEST: Mapping[str, Range] = {
    "yaw": Range(-60, 60),
    "pitch": Range(-40, 40),
    "roll": Range(-60, 60),
    "light_x": Range(-1, 1),
    "light_y": Range(-1, 1),
}
"""The widest ranges allowed."""
PEAKS = Range(1.6, 5.0)
"""Peak intensities of expressions."""


class Tie(NamedTuple):
    """An AU and the factor it is correlated with; see ties.tie."""

    au: str
    factor: str
    strength: float


@dataclass(frozen=True, kw_only=True)
class Request:
    """A dataset. ``frames``: per person; with several ``lights``, expressions per person, each
    shown under all lights.
    """

    people: int
    frames: int
    size: int
    seed: int
    every: int = 1
    """One frame in this many is kept: consecutive ones are much alike."""
    test: float = 0.25
    """The share of people to test on."""
    validation: float = 0.15
    """The share of the other people to validate on."""
    rates: Mapping[str, float] = field(default_factory=lambda: DEFAULT_RATES)
    peaks: Range = PEAKS
    ties: tuple[Tie, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=lambda: RANGES)
    same_expression: bool = False
    """All people make the same faces in the same pose and scene."""
    lights: int = 1
    wrinkles: bool = True
    varied: bool = False
    """Light, camera and surroundings change from picture to picture, as in photographs."""

    @property
    def pictures_of_a_person(self) -> int:
        return self.frames * self.lights

    @property
    def all_aus(self) -> bool:
        return set(self.names) == set(ALL_NAMES)

    @property
    def names(self) -> tuple[str, ...]:
        """The labelled AUs: those that have a rate."""
        return tuple(self.rates)
