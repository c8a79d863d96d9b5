"""Sequences extracted in parallel."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from audetnet.faces.opencv import cv2
from create_dataset.extraction.crops import CropSettings, Job, Report, SequenceExtraction
from create_dataset.worker_pool import do_all


@dataclass(frozen=True)
class _Extraction:
    """The work of a worker process."""

    settings: CropSettings
    unfinished: Path

    def __call__(
        self, job: Job, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> Report:
        cv2.setNumThreads(1)  # processes, not threads, share the cores
        return SequenceExtraction(job, self.settings, self.unfinished, advance, stopped).run()


def extract_all(
    jobs: Iterable[Job],
    settings: CropSettings,
    unfinished: Path,
    workers: int,
    advance: Callable[[int], None],
) -> Generator[Report, None, None]:
    """The reports of all jobs, as they end; see worker_pool.do_all."""
    return do_all(jobs, _Extraction(settings, unfinished), workers, advance)
