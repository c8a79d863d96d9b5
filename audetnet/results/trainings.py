"""The trainings of a cross-validation or of ties: each in its own run directory."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

from audetnet.config.options import Config
from audetnet.console.lines import say
from audetnet.data.cache import content_digest
from audetnet.data.frames import Dataset
from audetnet.errors import UserError
from audetnet.files.json import read_json
from audetnet.training.identity import check_identity, run_identity
from audetnet.training.logs import RunDirectory
from audetnet.training.saved import load_saved

Start = Callable[["Training", str], int]
"""Train on a device; returns the exit status."""
Outcome = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """Of a fold or a tie (``kind``). ``flags``: those of the train command, except the device."""

    kind: Literal["fold", "tie"] = "fold"
    fold: str
    seed: int
    run: Path
    flags: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.kind} {self.fold}, seed {self.seed}"


def is_finished(run: Path, max_epochs: int) -> bool:
    """Whether a run has reported results for its last epoch."""
    path = RunDirectory(run).results
    if not path.is_file():
        return False
    content = read_json(path)
    try:
        return bool(content["last"]["epoch"] == max_epochs)
    except (TypeError, KeyError) as error:
        raise UserError(f"{path}: not written by train; delete it") from error


def check_finished(
    trainings: Sequence[Training],
    config: Config,
    datasets: Mapping[str, Dataset],
    bf16: bool = False,
    init: Path | None = None,
) -> None:
    """Raise UserError for a finished training of another cfg or of other data. ``datasets``: by
    fold.
    """
    for training in trainings:
        if is_finished(training.run, config.training.max_epochs):
            dataset = datasets[training.fold]
            images = content_digest(dataset.images())
            size = config.data.frame_size or dataset.first_image_size()
            now = run_identity(config, dataset, images, size, training.seed, bf16, None, init)
            check_identity(load_saved(training.run).checkpoint.identity, now, training.run)


def run_trainings(
    trainings: Sequence[Training], devices: Sequence[str], start: Start, max_epochs: int
) -> Outcome:
    """Run the unfinished trainings, one at a time per device. Once one stops or fails, no other is
    started.
    """
    left = [one for one in trainings if not is_finished(one.run, max_epochs)]
    done = len(trainings) - len(left)
    if done:
        say(f"{done} of {len(trainings)} trainings are already finished")
    free: SimpleQueue[str] = SimpleQueue()
    for device in devices:
        free.put(device)
    outcomes: list[Outcome] = []

    def run_one(training: Training) -> None:
        device = free.get()
        try:
            if not outcomes:
                say(f"\n{training.title} on {device}: {training.run}")
                if start(training, device):
                    outcomes.append("failed")
                elif not is_finished(training.run, max_epochs):
                    outcomes.append("stopped")
        finally:
            free.put(device)

    if len(devices) == 1:
        for training in left:  # in the main thread, which receives signals
            run_one(training)
    else:
        with ThreadPoolExecutor(len(devices)) as pool:
            list(pool.map(run_one, left))
    return outcomes[0] if outcomes else "finished"


def start_in_subprocess(training: Training, device: str) -> int:
    """Train in a subprocess, logging to RUN/train.log."""
    training.run.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "audetnet.commands.train", *training.flags]
    with (training.run / "train.log").open("a") as log:
        process = subprocess.run(
            [*command, "--device", device], stdout=log, stderr=subprocess.STDOUT, check=False
        )
    if process.returncode:
        say(f"{training.title} failed; see {training.run / 'train.log'}")
    return process.returncode
