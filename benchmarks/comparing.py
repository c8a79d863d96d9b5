"""Times several ways of doing the same thing in turn; every benchmark here prints their ratios."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Action = Callable[[], object]


def seconds_of(action: Action, clock: Callable[[], float] = time.perf_counter) -> float:
    """How long an action takes."""
    start = clock()
    action()
    return clock() - start


def in_turn(
    ways: Mapping[str, Action],
    rounds: int,
    *,
    warm_up: int = 1,
    deadline: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each way in interleaved rounds, without the first ``warm_up`` rounds.

    ``clock``: time.process_time measures a single thread that shares its core with others. After
    ``deadline`` (time.monotonic), no further round begins once one was counted.
    """
    found: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(warm_up + rounds):
        if number > warm_up and time.monotonic() > deadline:
            break
        for way, action in ways.items():
            taken = seconds_of(action, clock)
            if number >= warm_up:
                found[way].append(taken)
    return found


@dataclass(frozen=True)
class Ratio:
    """Ratio of the seconds of two ways, round by round."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(seconds: Sequence[float], others: Sequence[float]) -> Ratio:
    """The seconds of the first way divided by those of the other."""
    found = [a / b for a, b in zip(seconds, others, strict=True)]
    return Ratio(statistics.median(found), min(found), max(found))
