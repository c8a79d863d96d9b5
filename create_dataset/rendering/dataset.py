"""Plans a dataset, renders the missing pictures, and writes the tables."""

import time
from contextlib import closing
from itertools import groupby
from pathlib import Path

from audetnet.console.lines import counted, note
from audetnet.console.progress import ProgressBar
from audetnet.files.lock import locked
from create_dataset.rendering.contact_sheet import write_contact_sheet
from create_dataset.rendering.directory import RenderDirectory, image_name
from create_dataset.rendering.face import load_face
from create_dataset.rendering.plan import Plan, make_plan
from create_dataset.rendering.request import Request
from create_dataset.rendering.worker import RenderJob, RenderWorker, Shot
from create_dataset.summary import Summary
from create_dataset.worker_pool import run_jobs

_LONGEST_JOB = 100
"""In pictures; each job paints its person anew."""


def render_dataset(out: Path, request: Request, workers: int, sheet: Path) -> None:
    """Render a dataset directory, or what is missing in it. Raises UserError."""
    face = load_face()
    plan = make_plan(face.model, request)
    directory = RenderDirectory(out, request)
    summary = Summary()
    with locked(directory.parts, "another process is rendering into it"):
        jobs = render_jobs(plan, directory.missing(plan))
        worker = RenderWorker(
            face=face,
            images=directory.images,
            parts=directory.parts,
            seed=request.seed,
            size=request.size,
            wrinkles=request.wrinkles,
            varied=request.varied,
        )
        speed = _render(jobs, worker, workers, len(plan.pictures))
        count, size = len(plan.pictures), request.size
        summary.wrote(directory.images, f"{counted(count, 'frame')} of {size}x{size}, {speed}")
        directory.write_tables(plan, summary)
        write_contact_sheet(plan, directory.images, sheet)
        summary.wrote(sheet, "some of the pictures, with their AUs")
        directory.finish()
    for tie, achieved in plan.achieved.items():
        gammas = ", ".join(f"{gamma:.3f} in {name}" for name, gamma in achieved.items())
        summary.note(f"{tie}: gamma {gammas}")
    summary.next_command("-m", "create_dataset.check", out)
    summary.next_command("train.py", "--cfg", "cfg/small_96.cfg", "--data", out)
    summary.show()


def render_jobs(plan: Plan, missing: list[tuple[int, int]]) -> list[RenderJob]:
    """The jobs for the worker processes: pictures of one person each."""
    jobs = []
    for person, group in groupby(missing, key=lambda each: each[0]):
        shots = [
            Shot(picture, image_name(person, picture), plan.state(person, picture))
            for _, picture in group
        ]
        for start in range(0, len(shots), _LONGEST_JOB):
            job = RenderJob(
                person=person,
                scene=plan.scenes[person - 1],
                traits=plan.traits[person - 1],
                shots=tuple(shots[start : start + _LONGEST_JOB]),
            )
            jobs.append(job)
    return jobs


def _render(jobs: list[RenderJob], worker: RenderWorker, workers: int, total: int) -> str:
    """Render all jobs; returns how many pictures are new, and the speed, as text."""
    new = sum(len(job.shots) for job in jobs)
    workers = max(1, min(workers, len(jobs)))
    begun = time.monotonic()
    try:
        with (
            ProgressBar("frames", total, total - new, unit="frame") as bar,
            closing(run_jobs(jobs, worker, workers, bar.advance)) as ended,
        ):
            for _ in ended:
                pass
    except KeyboardInterrupt:
        note(f"{worker.images}: keeps what was rendered; run the same command to resume")
        raise
    rate = new / max(time.monotonic() - begun, 1e-9)
    return f"{new} of them new" + (f" ({rate:.0f} per second)" if new else "")
