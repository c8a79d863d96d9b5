"""Calls in processes of their own that need not import torch first, which takes seconds: they are
forked from a server that has, one for each process of pytest.
"""

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGKILL

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["audetnet.disentangling.fresh_predictor", "audetnet.training.trainer"]
)
_LONGEST = 240
"""Seconds; far more than any of them takes."""


def _call(
    output: Path, errors: Path, environment: Mapping[str, str], call: Callable[[], int]
) -> None:
    os.environ.update(environment)
    for descriptor, path in ((1, output), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = os.fdopen(1, "w", closefd=False)  # as Python makes them for what these files are
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    sys.exit(call())


class Forked:
    """A call, which can be pickled, in a process of its own; its value is the exit status.

    What it prints is appended to the file ``output``, unless ``errors`` takes what goes to stderr.
    """

    def __init__(
        self,
        call: Callable[[], int],
        output: Path,
        errors: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        arguments = (output, errors or output, environment or {}, call)
        self._output = output
        self._begin = output.stat().st_size if output.is_file() else 0
        self._process = _CONTEXT.Process(target=_call, args=arguments, daemon=True)
        self._process.start()

    def printed(self) -> str:
        """What it has printed so far."""
        whole = self._output.read_bytes() if self._output.exists() else b""
        return whole[self._begin :].decode()

    def wait(self) -> int:
        """Its exit status once it has ended; if a signal ended it, minus its number."""
        self._process.join(_LONGEST)
        status = self._process.exitcode
        if status is None:
            self.send_signal(SIGKILL)
            raise AssertionError(f"it goes on:\n{self.printed()}")
        return status

    def runs(self) -> bool:
        return self._process.is_alive()

    def wait_for(self, text: str) -> None:
        """Until it has printed a text."""
        end = time.monotonic() + _LONGEST
        while text not in self.printed():
            assert self.runs(), f"it ended too early:\n{self.printed()}"
            assert time.monotonic() < end
            time.sleep(0.01)

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


def forked_world(size: int, call: Callable[[], int], output: Path) -> list[Forked]:
    """The processes of a run as torchrun would start them; all print to one file."""
    common = {
        "TORCHELASTIC_RUN_ID": "none",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(size),
    }
    ranks = [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]
    return [Forked(call, output, environment=rank) for rank in ranks]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
    return port
