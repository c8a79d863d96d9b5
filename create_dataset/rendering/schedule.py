"""When each AU is how strong: intensities for all people, with the rates asked for."""

from collections.abc import Mapping

import numpy as np

from audetnet.labels import ACTIVE_INTENSITY
from create_dataset.rendering.action_units import labels_of
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.events import add_event, draw_course, event_kinds, is_contradictory
from create_dataset.rendering.face_model import Flags
from create_dataset.rendering.request import Range
from create_dataset.rendering.seeding import Purpose, make_rng

_CLOSE_ENOUGH = 0.06
"""The share of a rate that may be missing."""
_TOO_MUCH = 0.12
"""The share by which a rate may be exceeded."""
_FAILURES = 400
"""Give up after this many events in a row that exceed a rate or bring none closer."""


def schedule(
    people: int, frames: int, rates: Mapping[str, float], peaks: Range, seed: int
) -> DoubleArray:
    """Continuous intensities from 0 to 5 of the AUs that have a rate: (people, frames, A).

    Events are added one by one: the kinds that are missing most, to people who have few of them.
    Each person shows some AUs more than others.
    """
    rng = make_rng(seed, Purpose.SCHEDULE)
    aus = [int(name.removeprefix("AU")) for name in rates]
    targets = np.array(list(rates.values()))
    weights, shares = event_kinds(aus)
    possible: Flags = np.logical_not((shares[:, targets == 0] > 0).any(axis=1))
    wanted = np.maximum(targets, 1e-12)
    affinity = np.exp(rng.normal(0, 0.6, (people, len(aus))))
    intensities = np.zeros((people, frames, len(aus)))
    counts = np.zeros((people, len(aus)), np.int64)
    slack = 0.6 / (people * frames)
    failures = 0
    while failures < _FAILURES:
        totals = counts.sum(axis=0)
        found = totals / (people * frames)
        missing = np.where(targets > 0, np.clip(1 - found / wanted, 0, 1), 0)
        if (missing < _CLOSE_ENOUGH).all():
            break
        kind = shares[_draw_kind(weights, shares, missing, possible, rng)]
        person = _draw_person(kind, counts / frames / wanted, affinity, rng)
        course = draw_course(frames, rng)
        changed = add_event(intensities[person], kind, course, peaks, rng)
        new_counts = active(changed).sum(axis=0)
        new = (totals - counts[person] + new_counts) / (people * frames)
        too_much = ((new > targets * (1 + _TOO_MUCH) + slack) & (new > found)).any()
        if too_much or is_contradictory(changed, aus):
            failures += 1
            continue
        intensities[person], counts[person] = changed, new_counts
        # with few frames, events may repeatedly be too weak to count
        failures = 0 if ((new > found) & (missing > 0)).any() else failures + 1
    return intensities


def active(intensities: DoubleArray) -> Flags:
    """Whether the label of each intensity counts as active."""
    return labels_of(intensities) >= ACTIVE_INTENSITY


def _draw_kind(
    weights: DoubleArray,
    shares: DoubleArray,
    missing: DoubleArray,
    possible: Flags,
    rng: np.random.Generator,
) -> int:
    """A kind of event is the more likely, the more its AUs are missing."""
    worth = np.einsum("ka,a->k", shares, missing) / (shares > 0).sum(axis=1)
    scores = (weights * worth**2 + 1e-9) * possible
    return int(rng.choice(len(scores), p=scores / scores.sum()))


def _draw_person(
    kind: DoubleArray, had: DoubleArray, affinity: DoubleArray, rng: np.random.Generator
) -> int:
    """Someone with an affinity to these AUs who has not yet had their share; ``had`` (people, A) is
    relative to the rates asked for.
    """
    chosen = kind > 0
    spread = max(1.0, len(had) / 6)
    weights = affinity[:, chosen].mean(axis=1) * np.exp(-4 * had[:, chosen].mean(axis=1) / spread)
    return int(rng.choice(len(weights), p=weights / weights.sum()))
