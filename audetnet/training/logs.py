"""A run's directory and everything written there except checkpoints. Logging changes no weights and
draws no random numbers.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from audetnet.config.options import Config
from audetnet.console.lines import note, say
from audetnet.drawing import Figure
from audetnet.errors import UserError
from audetnet.evaluation.evaluate import Samples
from audetnet.evaluation.thresholds import THRESHOLDS_FILE, Thresholds, write_thresholds
from audetnet.files.atomic import FileError, append_text, check_regular, write_bytes, write_text
from audetnet.networks.model import AUDetNet
from audetnet.training import pictures
from audetnet.training.events import EventFile
from audetnet.training.outcome import Outcome
from audetnet.training.records import (
    REFERENCE_TITLE,
    Record,
    epoch_line,
    frame_count_text,
    reference_table,
    result_csv,
    result_table,
)


class RunDirectory:
    """The paths of a run's files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.latest = root / "checkpoints" / "latest.pt"
        self.best = root / "checkpoints" / "best.pt"
        self.metrics = root / "metrics.jsonl"
        self.options = root / "options.json"
        self.frames = root / "frames.csv"
        self.results = root / "results.json"
        self.table = root / "results.csv"
        self.last_table = root / "results_last.csv"
        self.thresholds = root / THRESHOLDS_FILE
        self.curves = root / "curves.png"
        self.pictures = root / "pictures"
        self.tensorboard = root / "tensorboard"

    def epoch_checkpoint(self, epoch: int) -> Path:
        """The checkpoint kept for an epoch."""
        return self.root / "checkpoints" / f"epoch_{epoch:04d}.pt"

    def check(self) -> None:
        """Raise UserError if something is in the way of a path that the run will write to."""
        for folder in (self.root, self.latest.parent, self.pictures, self.tensorboard):
            if os.path.lexists(folder) and not folder.is_dir():
                found = "a file" if folder.exists() else "a dangling link"
                raise UserError(
                    f"{folder}: expected a directory, found {found}; move it away, or choose "
                    "another run directory with --run DIR"
                )
        for file in (
            *(self.latest, self.best, self.metrics, self.options, self.frames),
            *(self.results, self.table, self.last_table, self.thresholds, self.curves),
        ):
            check_regular(file)

    def record(self, config: Config, identity: dict[str, Any]) -> None:
        """Write a copy of the cfg, and all resolved options."""
        write_text(self.root / config.path.name, config.text)
        write_text(
            self.options, json.dumps({**identity, "cfg": config.resolved()}, indent=1) + "\n"
        )


class NullLog:
    """The log of all processes but the main one: writes nothing."""

    def open(self, history: list[Record]) -> None: ...

    def epoch(self, history: list[Record], samples: Samples, model: AUDetNet) -> None: ...

    def finish(self, history: list[Record], outcome: Outcome, thresholds: Thresholds) -> None: ...

    def close(self) -> None: ...


class RunLog(NullLog):
    """Console lines, metrics.jsonl, TensorBoard events and PNGs of a run. A failure to write
    metrics or results ends the run; a failure to write pictures or events does not.
    """

    def __init__(self, directory: RunDirectory, max_epochs: int, test_frames: int) -> None:
        self._directory = directory
        self._max_epochs, self._test_frames = max_epochs, test_frames
        self._events: EventFile | None = None
        self._failed: set[str] = set()

    def open(self, history: list[Record]) -> None:
        """Start, or resume after ``history``: later lines of a killed run are removed."""
        lines = "".join(json.dumps(record) + "\n" for record in history)
        write_text(self._directory.metrics, lines)
        self._if_possible("TensorBoard events", lambda: self._open_events(len(history) + 1))

    def epoch(self, history: list[Record], samples: Samples, model: AUDetNet) -> None:
        """Write the last record of the history and its pictures. Raises FileError."""
        record = history[-1]
        say(epoch_line(record, self._max_epochs, self._test_frames))
        append_text(self._directory.metrics, json.dumps(record) + "\n")
        epoch = record["epoch"]
        shown = {"reconstruction": pictures.sample_picture(samples, epoch)}
        for name, network in model.networks().items():
            if any(parameter.grad is not None for parameter in network.parameters()):
                figure = pictures.gradient_flow(name, network, epoch)
                shown[f"gradient_flow/{name}"] = _rendered(figure)
        self._if_possible("TensorBoard events", lambda: self._write_events(record, shown))
        self._if_possible("pictures", lambda: self._save_pictures(epoch, shown))

    def finish(self, history: list[Record], outcome: Outcome, thresholds: Thresholds) -> None:
        """Print and write the tables of the chosen and of the last epoch, write the thresholds and
        the curves, and print where everything is. Raises FileError.
        """
        choice, chosen, last = outcome.choice, outcome.chosen, outcome.last
        if chosen is not last:
            self._say_table(chosen, f"chosen by {choice.by}")
        also = f", chosen by {choice.by}" if chosen is last and not choice.reason else ""
        self._say_table(last, f"the last{also}")
        if choice.reason:
            say(choice.reason)
        directory = self._directory
        if thresholds.validation is None:
            say("no validation people: thresholds.json has the default thresholds only")
        if outcome.with_references:
            beside = outcome.with_references
            say(f"\n{REFERENCE_TITLE}\n{reference_table(chosen['test'], beside)}\n")
        results = {
            "chosen": chosen,
            "chosen_by": choice.by,
            "last": last,
            "with_person_reference": outcome.with_references,
        }
        write_text(directory.results, json.dumps(results, indent=1) + "\n")
        write_text(directory.table, result_csv(chosen["test"]))
        write_text(directory.last_table, result_csv(last["test"]))
        write_thresholds(directory.thresholds, thresholds)
        curves = _rendered(pictures.curves(history))
        self._if_possible("pictures", lambda: _save_picture(directory.curves, curves))
        say(f"results, pictures and checkpoints: {directory.root}")
        say(f"to see the curves: tensorboard --logdir {directory.tensorboard}")

    def close(self) -> None:
        if self._events is not None:
            self._events.close()

    def _say_table(self, record: Record, which: str) -> None:
        frames = frame_count_text(record["test"], self._test_frames)
        say(f"\nTest set after epoch {record['epoch']} ({frames}), {which}")
        say(result_table(record["test"]) + "\n")

    def _if_possible(self, what: str, write: Callable[[], object]) -> None:
        """Write optional files; a failure is reported once."""
        try:
            write()
        except FileError as error:
            if what not in self._failed:
                note(f"{error}; the run continues without these {what}")
            self._failed.add(what)

    def _open_events(self, first_epoch: int) -> None:
        self._events = EventFile(self._directory.tensorboard, first_epoch)

    def _write_events(self, record: Record, shown: dict[str, pictures.Picture]) -> None:
        """Stops for good after an error: TensorBoard reads nothing after a truncated record."""
        if self._events is None:
            return
        try:
            for tag, value in _scalars(record):
                self._events.scalar(tag, value, record["epoch"])
            for tag, picture in shown.items():
                self._events.image(tag, picture, record["epoch"])
            self._events.flush()
        except FileError:
            self.close()
            self._events = None
            raise

    def _save_pictures(self, epoch: int, shown: dict[str, pictures.Picture]) -> None:
        for tag, picture in shown.items():
            name = tag.replace("/", "_")
            _save_picture(self._directory.pictures / f"{name}_{epoch:04d}.png", picture)


def _save_picture(path: Path, picture: pictures.Picture) -> None:
    image = Image.fromarray(picture)
    write_bytes(path, lambda file: image.save(file, "PNG"))


def _scalars(record: Record) -> list[tuple[str, float]]:
    """(tag, value) of every number of a record, e.g. ('test/au/f1/AU12', 0.7)."""
    found: list[tuple[str, float]] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{prefix}/{name}" if prefix else name, inner)
        elif isinstance(value, int | float) and prefix != "epoch":
            found.append((prefix, float(value)))

    walk("", record)
    return found


def _rendered(figure: Figure) -> pictures.Picture:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
