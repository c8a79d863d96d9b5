"""Whether two methods differ: paired, on the same people in each sample of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.data.metadata import subject_indices
from audetnet.errors import UserError
from audetnet.evaluation.metrics import METRICS, Array, Predictions
from audetnet.evaluation.people import FEWEST_PEOPLE, Estimate
from audetnet.results.estimates import MEAN, Estimates, averaged, intervals, samples, with_mean
from audetnet.results.predictions import Pooled


def differences(one: Sequence[Pooled], other: Sequence[Pooled], seed: int = 0) -> Estimates:
    """``one`` minus ``other`` in every metric that both have: paired, both on the same people in
    each sample. p is two-sided, from the share of samples on the other side of 0. Raises UserError
    where they are not of the same frames and labels.
    """
    ours, theirs = ([_in_order(pool) for pool in pools] for pools in (one, other))
    _check_paired(ours[0], theirs[0])
    people = len(ours[0].people)
    weights = samples(people, seed)
    first, second = averaged(ours), averaged(theirs)
    found = {}
    with ProgressBar("differences over people", len(first), unit="metric") as bar:
        for name in first:
            bar.advance()
            if name not in second:
                continue
            drawn = with_mean(np.stack([first[name](w) for w in weights])) - with_mean(
                np.stack([second[name](w) for w in weights])
            )
            low, high = intervals(drawn[1:], people)
            found[name] = {
                au: Estimate(
                    value=float(drawn[0, column]),
                    low=float(low[column]),
                    high=float(high[column]),
                    p=_p(drawn[1:, column]) if people >= FEWEST_PEOPLE else None,
                )
                for column, au in enumerate((*ours[0].aus, MEAN))
            }
    return found


def is_real(difference: Estimate) -> bool:
    """Whether the interval of a difference leaves out 0."""
    return difference.low > 0 or difference.high < 0


def verdict(name: str, difference: Estimate) -> str:
    """What a difference says, in words."""
    if np.isnan(difference.value) or np.isnan(difference.low):
        return "not tested"
    if not is_real(difference):
        return "no difference shown"
    return "worse" if (difference.value < 0) != METRICS[name].is_error else "better"


def _p(drawn: Array) -> float | None:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    least = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(known) + 1))


def _in_order(pool: Pooled) -> Pooled:
    """The same, frames by name."""
    order = np.argsort(np.array(pool.frames))
    named = np.array(pool.people)[pool.person[order]]
    parts: dict[str, Any] = {
        name: None if values is None else values[order]
        for name, values in vars(pool.predictions).items()
    }
    return Pooled(
        aus=pool.aus,
        frames=tuple(pool.frames[row] for row in order),
        people=pool.people,
        person=subject_indices(named.tolist()),
        predictions=Predictions(**parts),
    )


def _check_paired(one: Pooled, other: Pooled) -> None:
    if one.aus != other.aus:
        raise UserError(
            f"cannot be compared: the AUs are {', '.join(one.aus)}, and {', '.join(other.aus)}"
        )
    if one.frames != other.frames:
        lone = sorted(set(one.frames) ^ set(other.frames))
        raise UserError(
            f"cannot be compared: {len(lone)} frames are in one of the two only, first {lone[0]}"
        )
    if one.people != other.people or not np.array_equal(
        one.predictions.labels, other.predictions.labels, equal_nan=True
    ):
        raise UserError("cannot be compared: the people or the labels are not the same")
