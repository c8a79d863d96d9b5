"""Runs jobs in parallel, one process per core."""

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
    """What is done with each job. It is sent to each process once, so it may be large."""

    def __call__(
        self, job: Job_contra, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Result_co:
        """Do a job: report the number of newly finished frames to ``advance``, and abort once
        ``stopped`` returns True.
        """


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What a worker shares with the process that started it."""

    work: Work[Any, Any]
    finished: "Synchronized[int]"
    stop: Event


_shared: _Shared | None = None
"""Set when a worker process starts: such objects can only be inherited, not sent with a job."""


def default_workers() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    jobs: Iterable[Job], work: Work[Job, Result], workers: int, advance: Callable[[int], None]
) -> Generator[Result, None, None]:
    """Yield the results of all jobs as they finish. The number of newly finished frames is reported
    to ``advance``.

    Raises UserError as soon as a worker does. Then, and after Ctrl-C, the workers stop at their
    next frame; what they wrote is kept.
    """
    if workers == 1:
        yield from _run_inline(jobs, work, advance)
        return
    context = multiprocessing.get_context("spawn")
    shared = _Shared(work=work, finished=context.Value("q", 0), stop=context.Event())
    with (
        ProcessPoolExecutor(workers, context, _start_worker, (shared,)) as pool,
        _stop_workers_on_error(shared.stop, pool),
    ):
        waiting = {pool.submit(_run_job, job) for job in jobs}
        reported = 0
        while waiting:
            done, waiting = wait(waiting, _POLL_SECONDS, FIRST_COMPLETED)
            count = shared.finished.value
            advance(count - reported)
            reported = count
            for future in done:
                yield _result(future)


def _run_inline(
    jobs: Iterable[Job], work: Work[Job, Result], advance: Callable[[int], None]
) -> Iterator[Result]:
    """The same without other processes."""
    with _deferred_interrupt() as interrupted:
        for job in jobs:
            result = work(job, advance, interrupted.is_set)
            if interrupted.is_set():
                raise KeyboardInterrupt
            yield result


@contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """An event set by the first Ctrl-C, so that it cannot get lost in a library's callback; a
    second one interrupts as usual.
    """
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or before is not signal.default_int_handler:
        yield interrupted  # if Ctrl-C is ignored, as in a background job, it stays ignored
        return

    def interrupt(*_: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _stop_workers_on_error(stop: Event, pool: ProcessPoolExecutor) -> Iterator[None]:
    """Tell the workers to stop after any exception, including an abandoned generator."""
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
            "a worker process was killed (out of memory?); what was written is kept: run the same "
            "command again, perhaps with fewer --workers"
        ) from error


def _start_worker(shared: _Shared) -> None:
    global _shared  # noqa: PLW0603 - the only way to pass what can only be inherited
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process in the terminal
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """A worker whose parent was killed would wait for jobs forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_job(job: Any) -> Any:
    shared = _shared
    assert shared is not None

    def advance(count: int) -> None:
        with shared.finished.get_lock():
            shared.finished.value += count

    return shared.work(job, advance, shared.stop.is_set)
