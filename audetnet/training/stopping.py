"""Requests to stop: SIGINT, SIGTERM and a time limit. The loop checks between two batches."""

import signal
import time
from types import FrameType

from audetnet.distributed.world import World

AGREEMENT_BATCHES, AGREEMENT_SECONDS = 8, 2.0
"""At most this many batches or seconds pass between two points at which several processes agree
whether to stop. The agreement costs some milliseconds on many machines; torchrun kills 30 seconds
after SIGTERM.
"""


class Stopped(Exception):  # noqa: N818 - not an error
    """Raised between two batches; its text says why."""


class StopRequest:
    """Handles the signals until it is closed. A second signal ends a single process at once, but
    not several, which may get one from their terminal and one from torchrun.
    """

    def __init__(self, deadline: float | None, world: World) -> None:
        self._deadline = deadline
        self._world = world
        self._waiting = 1
        self._interval, self._agreed = 1, time.monotonic()
        self._reason: str | None = None
        self._previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _note(self, number: int, _: FrameType | None) -> None:
        self._reason = signal.Signals(number).name
        if self._world.size == 1:
            self.close()

    def close(self) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Stopped if a stop was requested. All processes must call it equally often: every
        few calls they synchronise, and stop together.
        """
        if (
            self._reason is None
            and self._deadline is not None
            and time.monotonic() >= self._deadline
        ):
            self._reason = "time limit reached"
        self._waiting -= 1
        if self._world.size == 1 or self._waiting == 0:
            self._agree()

    def _agree(self) -> None:
        seconds = (time.monotonic() - self._agreed) / self._interval
        asked, slowest = self._world.max(self._reason is not None, seconds)
        if asked:
            raise Stopped(self._reason or "requested in another process")
        batches = int(AGREEMENT_SECONDS / max(slowest, 1e-3))
        self._interval = self._waiting = min(max(batches, 1), AGREEMENT_BATCHES)
        self._agreed = time.monotonic()
