"""A run's directory and what is written there beside checkpoints. Writing changes no weight and
draws nothing.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from audetnet.config.options import Config
from audetnet.console import say
from audetnet.evaluation.evaluate import Samples
from audetnet.files import FileError, write_bytes, write_text
from audetnet.networks.model import AUDetNet
from audetnet.training import pictures
from audetnet.training.records import Record, epoch_line, result_csv, result_table


class RunDirectory:
    """Where everything of a run lies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.latest = root / "checkpoints" / "latest.pt"
        self.best = root / "checkpoints" / "best.pt"
        self.metrics = root / "metrics.jsonl"
        self.options = root / "options.json"
        self.frames = root / "frames.csv"
        self.results = root / "results.json"
        self.table = root / "results.csv"
        self.curves = root / "curves.png"
        self.pictures = root / "pictures"
        self.tensorboard = root / "tensorboard"

    def kept(self, epoch: int) -> Path:
        """The checkpoint that is kept of an epoch."""
        return self.root / "checkpoints" / f"epoch_{epoch:04d}.pt"

    def record(self, config: Config, identity: dict[str, Any]) -> None:
        """Keep the cfg as it is, and all options as they were understood."""
        write_text(self.root / config.path.name, config.text)
        write_text(
            self.options, json.dumps({**identity, "cfg": config.resolved()}, indent=1) + "\n"
        )


class Silence:
    """The log of a process that leaves writing to another one."""

    def open(self, history: list[Record]) -> None: ...

    def epoch(self, history: list[Record], samples: Samples, model: AUDetNet) -> None: ...

    def finish(self, history: list[Record], best: Record, selection: str) -> None: ...

    def close(self) -> None: ...


class RunLog(Silence):
    """Console lines, metrics.jsonl, TensorBoard events and PNGs of a run."""

    def __init__(self, directory: RunDirectory, max_epochs: int) -> None:
        self._directory = directory
        self._max_epochs = max_epochs
        self._events: SummaryWriter | None = None

    def open(self, history: list[Record]) -> None:
        """Begin, or go on after ``history``: what a killed run wrote beyond it is taken back."""
        lines = "".join(json.dumps(record) + "\n" for record in history)
        write_text(self._directory.metrics, lines)
        events = self._directory.tensorboard
        try:
            self._events = SummaryWriter(str(events), purge_step=len(history) + 1)
        except OSError as error:
            raise FileError(f"{events}: cannot be written: {error.strerror}") from error

    def epoch(self, history: list[Record], samples: Samples, model: AUDetNet) -> None:
        """Write the last record of the history and its pictures."""
        record = history[-1]
        with self._directory.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        say(epoch_line(record, self._max_epochs))
        assert self._events is not None
        epoch = record["epoch"]
        for tag, value in _scalars(record):
            self._events.add_scalar(tag, value, epoch)
        picture = pictures.sample_picture(samples, epoch)
        self._events.add_image("reconstruction", picture, epoch, dataformats="HWC")
        self._save_picture(f"reconstruction_{epoch:04d}.png", picture)
        for name, network in model.networks().items():
            if any(parameter.grad is not None for parameter in network.parameters()):
                figure = _rendered(pictures.gradient_flow(name, network, epoch))
                self._events.add_image(f"gradient_flow/{name}", figure, epoch, dataformats="HWC")
                self._save_picture(f"gradient_flow_{name}_{epoch:04d}.png", figure)
        self._events.flush()

    def finish(self, history: list[Record], best: Record, selection: str) -> None:
        """Write results and curves, and print the table of the last epoch and where everything
        lies.
        """
        last, directory = history[-1], self._directory
        results = {"last": last, "best": best, "best_selected_by": selection}
        write_text(directory.results, json.dumps(results, indent=1) + "\n")
        write_text(directory.table, result_csv(last["test"]))
        curves = Image.fromarray(_rendered(pictures.curves(history)))
        write_bytes(directory.curves, lambda file: curves.save(file, "PNG"))
        say(f"\nTest set after epoch {last['epoch']} ({last['test']['frames']} frames)")
        say(result_table(last["test"]))
        say(f"\nbest epoch by {selection}: {best['epoch']}")
        say(f"results, pictures and checkpoints: {directory.root}")
        say(f"look at the curves: tensorboard --logdir {directory.tensorboard}")

    def close(self) -> None:
        if self._events is not None:
            self._events.close()

    def _save_picture(self, name: str, picture: pictures.Picture) -> None:
        image = Image.fromarray(picture)
        write_bytes(self._directory.pictures / name, lambda file: image.save(file, "PNG"))


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
