"""Frames per second of ``create_dataset.render`` by size, in one process, including JPEGs.

``python benchmarks/rendering.py [--reference TOOL.py]``: each round prepares a person and renders
60 frames of them, as a user's run does for every person. The reference is the tool from which the
renderer was developed (with its model next to it), timed in turn at 96x96: ratios are within a
round, so that a busy machine slows both.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from comparing import in_turn, ratio
from PIL import Image

from create_dataset.rendering.dataset import render_jobs
from create_dataset.rendering.directory import RenderDirectory
from create_dataset.rendering.face import Face, load_face
from create_dataset.rendering.plan import make_plan
from create_dataset.rendering.request import Request
from create_dataset.rendering.worker import RenderWorker

FRAMES, ROUNDS = 60, 5
SIZES = (64, 96, 128, 256)
COMPARED = 96


def person_of(face: Face, size: int, folder: Path) -> Callable[[], object]:
    """Renders another person on each call."""
    request = Request(people=ROUNDS + 2, frames=FRAMES, size=size, seed=0)
    plan = make_plan(face.model, request)
    directory = RenderDirectory(folder, request)
    jobs = iter(render_jobs(plan, plan.pictures))
    filming = RenderWorker(
        face=face,
        images=directory.images,
        parts=directory.parts,
        seed=request.seed,
        size=size,
        wrinkles=True,
        varied=False,
    )
    return lambda: filming(next(jobs), lambda _: None, lambda: False)


def person_of_reference(path: Path, size: int, folder: Path) -> Callable[[], object]:
    """The same with the reference tool."""
    tool: Any = _imported(path)
    tool.W_OUT = size
    model = tool.Model(str(path.with_name("ict_model.npz")))
    scheduled = tool.schedule(np.random.default_rng(0), ROUNDS + 2, FRAMES)
    people = enumerate(scheduled, start=1)

    def render() -> None:
        number, intensities = next(people)
        subject = tool.Subject(model, number, 0)
        draws = np.random.default_rng(number)
        tracks = zip(*tool.tracks(draws, subject, FRAMES, intensities), strict=True)
        for frame, (pose, light, gaze, hidden, crop) in enumerate(tracks):
            shown = tool.render(
                model, subject, intensities[frame], pose, light, hidden, gaze, crop, draws
            )
            Image.fromarray(shown).save(folder / f"{number}_{frame}.jpg", quality=subject.q)

    return render


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--reference", type=Path, help="the tool's file")
    arguments = flags.parse_args()
    face = load_face()
    with tempfile.TemporaryDirectory() as folder:
        ways = {str(size): person_of(face, size, Path(folder) / f"{size}") for size in SIZES}
        if arguments.reference is not None:
            ways["reference"] = person_of_reference(arguments.reference, COMPARED, Path(folder))
        seconds = in_turn(ways, ROUNDS)
    for size in SIZES:
        rates = FRAMES / np.array(seconds[str(size)])
        spread = f"{rates.min():.0f} to {rates.max():.0f}"
        print(f"{size}x{size}: {np.median(rates):.0f} frames/s ({spread})")
    if arguments.reference is not None:
        times = ratio(seconds["reference"], seconds[str(COMPARED)])
        print(f"{COMPARED}x{COMPARED}, times as fast as the reference: {times}")


if __name__ == "__main__":
    main()
