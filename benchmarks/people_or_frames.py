"""Is it more people or more frames that one should label? ``python benchmarks/people_or_frames.py
DIR [--work WORK] [--people 10,30,100,300] [--frames 3,6,12]``.

The ridge on the frozen stem of cfg/recogniser.cfg is fitted to so many frames, spread evenly over
the time, of each of so many of DIR's training people, and tested on DIR's test people: AUC, and F1
at thresholds of DIR's validation people, means over the AUs, with 95 % intervals over test people.
"""

import argparse
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from matplotlib.ticker import NullFormatter, ScalarFormatter

from audetnet.baselines.features import Indices, Read
from audetnet.baselines.method import MEAN, PLAIN, over_people
from audetnet.baselines.ridge import ridge_method
from audetnet.config.reader import read_config
from audetnet.console.arguments import names
from audetnet.console.lines import say
from audetnet.data.cache import pack_frames
from audetnet.data.frames import Dataset, DatasetPaths, FrameSet, load_dataset
from audetnet.data.ids import natural_sort_key
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.drawing import Figure
from audetnet.errors import UserError, exit_status
from audetnet.evaluation.people import Estimate
from audetnet.files.csv import Cell, write_csv
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.results.sheet import Sheet, markdown, with_interval
from audetnet.vocabulary import VOCABULARY

_CFG = Path(__file__).parents[1] / "cfg" / "recogniser.cfg"
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Point:
    """A ridge on frames of so many people, and what it is worth."""

    people: int
    frames: int
    labelled: int
    auc: Estimate
    f1: Estimate


def main(argv: list[str]) -> int:
    """Run the benchmark; returns its exit status."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("data", type=Path, metavar="DIR", help="dataset directory")
    flags.add_argument("--work", type=Path, default=Path("runs/people_or_frames"))
    flags.add_argument("--people", type=names, default=("10", "30", "100", "300"))
    flags.add_argument("--frames", type=names, default=("3", "6", "12"))
    given = flags.parse_args(argv)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    dataset = load_dataset(DatasetPaths(directory=given.data), regress=False)
    read = stem_reader(dataset, given.work / "cache")
    points = []
    for people in map(int, given.people):
        for frames in map(int, given.frames):
            points.append(
                measured(replace(dataset, train=some(dataset.train, people, frames)), read)
            )
            say(f"{people} people, {frames} frames each: {with_interval(points[-1].auc)}")
    shown = sheet(points)
    header: list[Cell] = ["people", "frames a person", "frames", "metric", "value", "low", "high"]
    rows: list[list[Cell]] = [
        [p.people, p.frames, p.labelled, name, each.value, each.low, each.high]
        for p in points
        for name, each in (("AUC", p.auc), ("F1", p.f1))
    ]
    write_csv(given.work / "people_or_frames.csv", [header, *rows])
    (given.work / "people_or_frames.md").write_text(markdown(shown))
    draw(points, given.work / "people_or_frames.png")
    say(f"\n{markdown(shown)}\n{given.work}/people_or_frames.csv, .md, .png")
    return 0


def stem_reader(dataset: Dataset, cache: Path) -> Read:
    """Reads what the stem of cfg/recogniser.cfg makes of frames."""
    config = read_config(_CFG, VOCABULARY)
    size = config.data.frame_size
    assert size is not None
    plan = plan_model(config, size)
    model = build_model(plan, config.data, 0)
    model.load_pretrained()
    stem = frozen_stem(model.eval(), plan, _CPU)
    outputs = pack_stem_outputs(
        stem, pack_frames(dataset.images(), size, True, cache), dataset, 1, cache
    )

    def read(frames: FrameSet, rows: Indices) -> torch.Tensor:
        found = outputs.gather(outputs.rows(frames.ids[row] for row in rows))
        return torch.from_numpy(found.astype(np.float32))

    return read


def some(train: FrameSet, people: int, frames: int) -> FrameSet:
    """So many frames, spread over the time, of each of the first people. Raises UserError."""
    subjects = list(dict.fromkeys(train.subjects))
    if len(subjects) < people:
        raise UserError(f"--people {people}: there are {len(subjects)} training people")
    kept = np.zeros(len(train), bool)
    for who in subjects[:people]:
        own = [row for row, subject in enumerate(train.subjects) if subject == who]
        own.sort(key=lambda row: natural_sort_key(train.ids[row]))
        places = np.linspace(0, len(own) - 1, min(frames, len(own))).round().astype(int)
        kept[[own[place] for place in places]] = True
    return train.keep(kept.tolist(), train.name)


def measured(dataset: Dataset, read: Read) -> Point:
    """The ridge on the training frames of a dataset."""
    method = ridge_method("ridge", read, dataset, 0)
    found = method.statistics(PLAIN, dataset.test, dataset.au_names)
    auc, f1 = (over_people(found[name, MEAN], dataset.test, 0) for name in ("auc", "f1"))
    train = dataset.train
    return Point(train.people, round(len(train) / train.people), len(train), auc, f1)


def sheet(points: list[Point]) -> Sheet:
    """The table."""
    rows = [
        (str(p.people), str(p.frames), str(p.labelled), *map(with_interval, (p.auc, p.f1)))
        for p in points
    ]
    return Sheet(
        title="People or frames",
        caption="Means over the AUs; in brackets 95 % intervals over the test people.",
        header=("people", "frames a person", "labelled frames", "AUC", "F1"),
        rows=rows,
    )


def draw(points: list[Point], path: Path) -> None:
    """AUC and F1 over the number of labelled frames, a line for each number of people."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("auc", "f1"), strict=True):
        for people in dict.fromkeys(p.people for p in points):
            own = [p for p in points if p.people == people]
            values = [getattr(p, name).value for p in own]
            axes.plot([p.labelled for p in own], values, "o-", label=f"{people} people")
        axes.set(xscale="log", xlabel="labelled frames", ylabel={"auc": "AUC", "f1": "F1"}[name])
        axes.xaxis.set_major_formatter(ScalarFormatter())  # others are formulas
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
