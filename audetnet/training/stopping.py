"""Requests to stop: SIGINT, SIGTERM and a time limit. The loop asks between two batches."""

import signal
import time
from types import FrameType


class Stopped(Exception):  # noqa: N818 - not an error
    """Raised between two batches; its text says why."""


class StopRequest:
    """Installs the signal handlers for as long as it is open; a second signal ends the process at
    once.
    """

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._reason: str | None = None
        self._previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _note(self, number: int, _: FrameType | None) -> None:
        self._reason = signal.Signals(number).name
        self.close()

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Stopped if somebody asked."""
        if (
            self._reason is None
            and self._deadline is not None
            and time.monotonic() >= self._deadline
        ):
            self._reason = "time limit reached"
        if self._reason is not None:
            raise Stopped(self._reason)
