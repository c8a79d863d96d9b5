"""Paired comparison of two methods: both are measured on the same bootstrap sample of people."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from audetnet.console.lines import counted
from audetnet.console.progress import ProgressBar
from audetnet.data.metadata import subject_indices
from audetnet.errors import UserError
from audetnet.evaluation.metrics import METRICS, Array, Predictions
from audetnet.evaluation.people import MIN_PEOPLE, Estimate
from audetnet.results.estimates import (
    MEAN,
    Estimates,
    append_mean,
    averaged_over_seeds,
    bootstrap_weights,
    intervals,
)
from audetnet.results.predictions import Pooled


def differences(one: Sequence[Pooled], other: Sequence[Pooled], seed: int = 0) -> Estimates:
    """``one`` minus ``other`` in every metric that both have, paired over people. The mean is over
    the AUs for which both are defined. p is two-sided, from the share of bootstrap samples on the
    other side of 0. Raises UserError unless both cover the same frames and labels.
    """
    ours, theirs = ([_sorted_by_frame(pool) for pool in pools] for pools in (one, other))
    for pool in (*ours[1:], *theirs):
        _check_paired(ours[0], pool)
    people = len(ours[0].people)
    weights = bootstrap_weights(people, seed)
    first, second = averaged_over_seeds(ours), averaged_over_seeds(theirs)
    found = {}
    with ProgressBar("differences over people", len(first), unit="metric") as bar:
        for name in first:
            bar.advance()
            if name not in second:
                continue
            drawn = append_mean(np.stack([first[name](w) - second[name](w) for w in weights]))
            low, high = intervals(drawn[1:], people)
            found[name] = {
                au: Estimate(
                    value=float(drawn[0, column]),
                    low=float(low[column]),
                    high=float(high[column]),
                    p=_p(drawn[1:, column]) if people >= MIN_PEOPLE else None,
                )
                for column, au in enumerate((*ours[0].aus, MEAN))
            }
    return found


def excludes_zero(difference: Estimate) -> bool:
    """Whether the interval excludes 0."""
    return difference.low > 0 or difference.high < 0


def verdict(name: str, difference: Estimate) -> str:
    """The difference in words."""
    if np.isnan(difference.value) or np.isnan(difference.low):
        return "not tested"
    if not excludes_zero(difference):
        return "no difference shown"
    return "worse" if (difference.value < 0) != METRICS[name].is_error else "better"


def _p(drawn: Array) -> float | None:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    least = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(known) + 1))


def _sorted_by_frame(pool: Pooled) -> Pooled:
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
            f"cannot compare: different AUs, {', '.join(one.aus)} and {', '.join(other.aus)}"
        )
    if one.frames != other.frames:
        lone = sorted(set(one.frames) ^ set(other.frames))
        raise UserError(
            f"cannot compare: {counted(len(lone), 'frame')} in only one of the two, such as "
            f"{lone[0]}"
        )
    same_people = one.people == other.people and np.array_equal(one.person, other.person)
    if not same_people or not np.array_equal(
        one.predictions.labels, other.predictions.labels, equal_nan=True
    ):
        raise UserError("cannot compare: the people or the labels differ")
