"""Which AUs are how strong when: intensities of all people whose rates are those asked for."""

from collections.abc import Mapping

import numpy as np

from audetnet.labels import ACTIVE_INTENSITY
from create_dataset.rendering.action_units import labels_of
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.draws import Drawn, generator
from create_dataset.rendering.events import added, contradicts, draw_course, kinds
from create_dataset.rendering.face_model import Flags
from create_dataset.rendering.request import Range

_CLOSE_ENOUGH = 0.06
"""The part of a rate that may be missing, ..."""
_TOO_MUCH = 0.12
"""... and what may be too much."""
_FAILURES = 400
"""Events in a row that exceed a rate or bring none nearer; then the rest is left missing."""


def schedule(
    people: int, frames: int, rates: Mapping[str, float], peaks: Range, seed: int
) -> DoubleArray:
    """Continuous intensities from 0 to 5: (people, frames, A), of the AUs that have a rate.

    Events are added one after the other: kinds of which much is missing, in people who have little
    of them. Each person shows some AUs more than others.
    """
    draws = generator(seed, Drawn.SCHEDULE)
    aus = [int(name.removeprefix("AU")) for name in rates]
    targets = np.array(list(rates.values()))
    weights, shares = kinds(aus)
    possible: Flags = np.logical_not((shares[:, targets == 0] > 0).any(axis=1))
    wanted = np.maximum(targets, 1e-12)
    liking = np.exp(draws.normal(0, 0.6, (people, len(aus))))
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
        kind = shares[_draw_kind(weights, shares, missing, possible, draws)]
        person = _draw_person(kind, counts / frames / wanted, liking, draws)
        course = draw_course(frames, draws)
        changed = added(intensities[person], kind, course, peaks, draws)
        new_counts = active(changed).sum(axis=0)
        new = (totals - counts[person] + new_counts) / (people * frames)
        too_much = ((new > targets * (1 + _TOO_MUCH) + slack) & (new > found)).any()
        if too_much or contradicts(changed, aus):
            failures += 1
            continue
        intensities[person], counts[person] = changed, new_counts
        # in a few frames an event may be too weak to count, time and again
        failures = 0 if ((new > found) & (missing > 0)).any() else failures + 1
    return intensities


def active(intensities: DoubleArray) -> Flags:
    """Whether the label of each intensity is active."""
    return labels_of(intensities) >= ACTIVE_INTENSITY


def _draw_kind(
    weights: DoubleArray,
    shares: DoubleArray,
    missing: DoubleArray,
    possible: Flags,
    draws: np.random.Generator,
) -> int:
    """The more of its AUs is missing, the more likely is a kind of event."""
    worth = np.einsum("ka,a->k", shares, missing) / (shares > 0).sum(axis=1)
    scores = (weights * worth**2 + 1e-9) * possible
    return int(draws.choice(len(scores), p=scores / scores.sum()))


def _draw_person(
    kind: DoubleArray, had: DoubleArray, liking: DoubleArray, draws: np.random.Generator
) -> int:
    """Who likes these AUs and has not had their share; ``had`` (people, A) in rates asked for."""
    chosen = kind > 0
    spread = max(1.0, len(had) / 6)
    weights = liking[:, chosen].mean(axis=1) * np.exp(-4 * had[:, chosen].mean(axis=1) / spread)
    return int(draws.choice(len(weights), p=weights / weights.sum()))
