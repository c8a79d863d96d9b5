"""The dataset directory: which pictures exist, and the files other than the pictures."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from audetnet.console.lines import counted
from audetnet.data.metadata import Metadata
from audetnet.errors import UserError
from audetnet.files.atomic import write_errors, write_text
from audetnet.files.csv import Cell, write_csv
from audetnet.files.json import read_json
from create_dataset.labels.table import LabelTable, check_no_other_table, write_dataset
from create_dataset.rendering.action_units import HIDDEN, labels_of
from create_dataset.rendering.face_model import FOLDER, LICENCE
from create_dataset.rendering.plan import Plan, frame_id, subject_id
from create_dataset.rendering.request import Request
from create_dataset.splitting.writing import write_split
from create_dataset.summary import Summary

RENDERER = 1
"""Version of the renderer: increased when its pictures change; versions are never mixed."""
_DECIMALS = 3
_SOURCE = "rendered faces: ICT-FaceKit (USC Institute for Creative Technologies, MIT licence)"
DESCRIPTION_FILE = "render.json"
UNFINISHED = "render.unfinished"


class RenderDirectory:
    """Raises UserError if OUT holds pictures from another request, or from elsewhere."""

    def __init__(self, out: Path, request: Request) -> None:
        self.out, self.images = out, out / "imgs"
        self.parts = out / UNFINISHED
        description = out / DESCRIPTION_FILE
        asked = described(request)
        if description.is_file():
            _compare(description, read_json(description), asked)
        elif self.images.is_dir() and any(self.images.iterdir()):
            raise UserError(
                f"{self.images}: holds images, but there is no {description} that says how they "
                "were rendered; render into another directory"
            )
        if out.is_dir():
            check_no_other_table(out, "csv")
        with write_errors(out):
            self.images.mkdir(parents=True, exist_ok=True)
            self.parts.mkdir(exist_ok=True)
        write_text(description, json.dumps(asked, indent=1) + "\n")

    def missing(self, plan: Plan) -> list[tuple[int, int]]:
        """(person, picture) of the pictures still to render. Empty files, as left by a power
        failure, do not count.
        """
        with os.scandir(self.images) as entries:
            there = {entry.name for entry in entries if entry.stat().st_size}
        return [each for each in plan.pictures if image_name(*each) not in there]

    def write_tables(self, plan: Plan, summary: Summary) -> None:
        """Write all files except the pictures and the sheet."""
        ids = [frame_id(*each) for each in plan.pictures]
        _write_labels(self.out, plan, ids, summary)
        _write_factors(self.out, plan, ids, summary)
        if plan.request.same_expression or plan.request.lights > 1:
            _write_pairs(self.out, plan, summary)
        write_split(self.out, plan.split, summary)
        with write_errors(self.out / LICENCE):
            shutil.copyfile(FOLDER / LICENCE, self.out / LICENCE)
        summary.wrote(self.out / LICENCE, "the licence of the face model")

    def finish(self) -> None:
        """Clean up once all pictures exist."""
        with write_errors(self.parts):
            shutil.rmtree(self.parts)


def image_name(person: int, picture: int) -> str:
    return f"{frame_id(person, picture)}.jpg"


def described(request: Request) -> dict[str, Any]:
    """A request as stored in render.json."""
    return {
        "renderer": RENDERER,
        "people": request.people,
        "frames": request.frames,
        "every": request.every,
        "size": request.size,
        "seed": request.seed,
        "test": request.test,
        "validation": request.validation,
        "au_rates": dict(request.rates),
        "intensity": list(request.peaks),
        "correlations": {f"{tie.au}:{tie.factor}": tie.strength for tie in request.ties},
        "ranges": {name: list(limits) for name, limits in request.ranges.items()},
        "same_expression": request.same_expression,
        "lights": request.lights,
        "wrinkles": request.wrinkles,
    } | ({"varied": True} if request.varied else {})


def _compare(path: Path, earlier: Any, asked: dict[str, Any]) -> None:
    if not isinstance(earlier, dict):
        raise UserError(f"{path}: not written by an earlier run; render into another directory")
    for name in {**asked, **earlier}:
        if (before := earlier.get(name)) != (now := asked.get(name)):
            raise UserError(
                f"{path}: these pictures were rendered with {name} = {json.dumps(before)}, not "
                f"{json.dumps(now)}; use the same flags, or render into another directory"
            )


def _write_labels(out: Path, plan: Plan, ids: list[str], summary: Summary) -> None:
    intensities = plan.intensities.reshape(len(ids), -1)
    metadata = Metadata(aus=plan.request.names, kind="intensity", source=_SOURCE)
    write_dataset(LabelTable(ids, labels_of(intensities), metadata), out, "csv", summary)
    path, names, columns = out / "intensities.csv", list(plan.request.names), [intensities]
    said = "the same before rounding"
    if not plan.request.all_aus:
        names += [f"AU{au}_strength" for au in HIDDEN]
        columns.append(plan.hidden.reshape(len(ids), -1))
        said += ", and strengths of unlabelled AUs"
    write_csv(path, _rows(names, ids, np.concatenate(columns, axis=1)))
    summary.wrote(path, said)


def _write_factors(out: Path, plan: Plan, ids: list[str], summary: Summary) -> None:
    values = np.stack([column.reshape(-1) for column in plan.factors.values()], axis=1)
    header, *rows = _rows(list(plan.factors), ids, values)
    subjects = [subject_id(person) for person, _ in plan.pictures]
    lines: list[list[Cell]] = [[header[0], "subject", *header[1:]]]
    lines += [[row[0], subject, *row[1:]] for row, subject in zip(rows, subjects, strict=True)]
    path = out / "factors.csv"
    write_csv(path, lines)
    summary.wrote(path, ", ".join(plan.factors))


def _rows(names: list[str], ids: list[str], values: np.ndarray[Any, Any]) -> list[list[Cell]]:
    rounded = (np.round(values.astype(np.float64), _DECIMALS) + 0.0).tolist()
    return [["frame_id", *names], *([name, *row] for name, row in zip(ids, rounded, strict=True))]


def _write_pairs(out: Path, plan: Plan, summary: Summary) -> None:
    """Frames with the same pair differ in one thing only: the person, or the light."""
    lines: list[list[Cell]] = [["frame_id", "pair"]]
    for person, picture in plan.pictures:
        expression = f"expression_{picture // plan.request.lights}"
        who = "" if plan.request.same_expression else f"{subject_id(person)}_"
        lines.append([frame_id(person, picture), who + expression])
    path = out / "pairs.csv"
    write_csv(path, lines)
    pairs = len({line[1] for line in lines[1:]})
    thing = "the person" if plan.request.same_expression else "the light"
    summary.wrote(path, f"{counted(pairs, 'group')} of frames that differ in {thing} only")
