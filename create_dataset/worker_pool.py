"""Jobs done in parallel, one process a core."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Any, Protocol, TypeVar

from audetnet.errors import UserError

_POLL_SECONDS = 0.2
Job = TypeVar("Job")
Job_contra = TypeVar("Job_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")


class Work(Protocol[Job_contra, Result_co]):
    """Does a job. It is sent to each process once, so it may be large."""

    def __call__(
        self, job: Job_contra, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Result_co:
        """``advance`` is told how many more frames are dealt with; once ``stopped`` says so, the
        work is broken off.
        """


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What a worker shares with the process that started it."""

    work: Work[Any, Any]
    dealt_with: "Synchronized[int]"
    stop: Event


_shared: _Shared | None = None
"""Set in a worker process as it starts; such things can only be inherited, not sent with a job."""


def default_workers() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def do_all(
    jobs: Iterable[Job], work: Work[Job, Result], workers: int, advance: Callable[[int], None]
) -> Generator[Result, None, None]:
    """The results of all jobs, as they end. ``advance`` hears how many more frames are dealt with.

    Raises UserError as soon as a worker does. After it, and after Ctrl-C, the workers stop at their
    next frame; what they wrote is kept.
    """
    if workers == 1:
        yield from _do_here(jobs, work, advance)
        return
    context = multiprocessing.get_context("spawn")
    shared = _Shared(work=work, dealt_with=context.Value("q", 0), stop=context.Event())
    with (
        ProcessPoolExecutor(workers, context, _start_worker, (shared,)) as pool,
        _stopping(shared.stop, pool),
    ):
        waiting = {pool.submit(_run_job, job) for job in jobs}
        told = 0
        while waiting:
            ended, waiting = wait(waiting, _POLL_SECONDS, FIRST_COMPLETED)
            count = shared.dealt_with.value
            advance(count - told)
            told = count
            for future in ended:
                yield _result(future)


def _do_here(
    jobs: Iterable[Job], work: Work[Job, Result], advance: Callable[[int], None]
) -> Iterator[Result]:
    """The same without other processes."""
    with _interruption() as noted:
        for job in jobs:
            result = work(job, advance, noted.is_set)
            if noted.is_set():
                raise KeyboardInterrupt
            yield result


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, which thus cannot get lost in a library's callback; a second one
    interrupts as usual.
    """
    noted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or before is not signal.default_int_handler:
        yield noted  # who ignores Ctrl-C, as a shell's background job does, goes on ignoring it
        return

    def note(*_: object) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _stopping(stop: Event, pool: ProcessPoolExecutor) -> Iterator[None]:
    """After any exception, an abandoned loop included, tell the workers to stop."""
    try:
        yield
    except BaseException:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _result(future: "Future[Result]") -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process was killed (is the memory full?); what was written is kept: run the "
            "same command again, perhaps with fewer --workers"
        ) from error


def _start_worker(shared: _Shared) -> None:
    global _shared  # noqa: PLW0603 - the only way in for what can only be inherited
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_job(job: Any) -> Any:
    shared = _shared
    assert shared is not None

    def advance(count: int) -> None:
        with shared.dealt_with.get_lock():
            shared.dealt_with.value += count

    return shared.work(job, advance, shared.stop.is_set)
