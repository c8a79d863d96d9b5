"""Requests to stop: SIGINT, SIGTERM and a time limit. The loop asks between two batches."""

import signal
import time
from types import FrameType

from audetnet.training.distributed import World

AGREEMENT_INTERVAL = 8
"""Batches between two moments at which several processes may stop: each waits for the others'
hosts, some milliseconds on many machines.
"""


class Stopped(Exception):  # noqa: N818 - not an error
    """Raised between two batches; its text says why."""


class StopRequest:
    """Installs the signal handlers for as long as it is open; a second signal ends the process at
    once, unless there are several: these may get one from their terminal and one from torchrun.
    """

    def __init__(self, deadline: float | None, world: World) -> None:
        self._deadline = deadline
        self._world = world
        self._asked = 0
        self._reason: str | None = None
        self._previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _note(self, number: int, _: FrameType | None) -> None:
        self._reason = signal.Signals(number).name
        if self._world.size == 1:
            self.close()

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Stopped if somebody asked. Several processes must call it equally often: every
        AGREEMENT_INTERVAL-th call they tell each other, and stop together.
        """
        if (
            self._reason is None
            and self._deadline is not None
            and time.monotonic() >= self._deadline
        ):
            self._reason = "time limit reached"
        self._asked += 1
        if self._world.size > 1 and self._asked % AGREEMENT_INTERVAL:
            return
        if self._world.any(self._reason is not None):
            raise Stopped(self._reason or "another process was asked to")
