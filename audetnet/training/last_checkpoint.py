"""The checkpoint that a run resumes from, and errors if a directory has a run without a usable one.
Nothing of a run is deleted unless the user asks for it.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from audetnet.config.options import Config
from audetnet.console.lines import note
from audetnet.data.frames import Dataset
from audetnet.errors import UserError, first_few
from audetnet.files.atomic import FileError
from audetnet.networks.model import AUDetNet
from audetnet.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from audetnet.training.compatibility import check_run
from audetnet.training.frame_list import changed_frames
from audetnet.training.identity import check_identity, first_difference
from audetnet.training.logs import RunDirectory
from audetnet.training.sealed import UnreadableError

_START_OVER = "to start over, use --overwrite, or another directory with --run DIR"
_RUN_FILES = (
    "checkpoints/latest.pt",
    "checkpoints/latest.damaged*.pt",
    "checkpoints/best.pt",
    "checkpoints/epoch_[0-9]*.pt",
    "metrics.jsonl",
    "options.json",
    "frames.csv",
    "results.json",
    "results.csv",
    "results_last.csv",
    "thresholds.json",
    "curves.png",
    "pictures/reconstruction_[0-9]*.png",
    "pictures/gradient_flow_*_[0-9]*.png",
    "tensorboard/events.out.tfevents.*",
)
"""What a run writes; the copy of its cfg is overwritten by the next run's."""
_DATA_FIELDS = ("au_names", "kind", "active_from", "landmarks")
"""Fields of a description about labels and images; older ones have no landmarks."""


def last_checkpoint(
    directory: RunDirectory,
    identity: dict[str, Any],
    description: dict[str, Any],
    model: AUDetNet,
    config: Config,
    dataset: Dataset,
) -> Checkpoint | None:
    """The checkpoint that a run resumes from, or None for a new run.

    Raises UserError if it belongs to another run or is missing. A damaged one is renamed, and also
    raises UserError.
    """
    path = directory.latest
    if not os.path.lexists(path) or _is_dangling(path):
        remains = _remains(directory)
        if remains:
            lost = f"{directory.root}: has {remains}, but {path} is missing"
            raise UserError(f"{lost}; {_recovery_advice(directory)}")
        return None
    try:
        checkpoint = load_checkpoint(path)
        if checkpoint.progress.step == 0 and not _remains(directory):
            return None

        def changed_data() -> str | None:
            present = [name for name in _DATA_FIELDS if name in checkpoint.description]
            difference = first_difference(checkpoint.description, description, present)
            return difference or changed_frames(directory.frames, dataset)

        check_identity(checkpoint.identity, identity, directory.root, changed_data)
        try:
            check_run(checkpoint, model, config, dataset)
        except UnreadableError as error:
            raise CheckpointError(path, str(error)) from error
    except CheckpointError as error:
        raise UserError(f"{error}; {_set_aside(path)}; {_recovery_advice(directory)}") from error
    return checkpoint


def delete_run(directory: RunDirectory) -> None:
    """Delete what a run writes, and nothing else; a note names reports on it, which are kept.
    Raises FileError.
    """
    for pattern in _RUN_FILES:
        for file in directory.root.glob(pattern):
            try:
                file.unlink()
            except OSError as error:
                raise FileError(f"{file}: cannot be deleted: {error.strerror}") from error
    for report in sorted(directory.root.glob("disentangling*")):
        note(f"{report}: a report on the overwritten run; it is kept")


def _is_dangling(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _remains(directory: RunDirectory) -> str:
    """What a run directory has besides its latest checkpoint, as text."""
    parts = []
    with suppress(OSError):
        epochs = directory.metrics.read_bytes().count(b"\n")
        parts += [f"metrics of {epochs} epochs"] if epochs else []
    others = [path.name for path in _others(directory)]
    parts += [first_few(others)] if others else []
    parts += [path.name for path in (directory.results, directory.table) if path.is_file()]
    return ", ".join(parts)


def _others(directory: RunDirectory) -> list[Path]:
    """All checkpoints but the latest."""
    latest = directory.latest
    return sorted(path for path in latest.parent.glob("*.pt") if path.name != latest.name)


def _set_aside(path: Path) -> str:
    """Rename a damaged file; returns what was done, as text."""
    aside = next(name for name in _free_names(path) if not os.path.lexists(name))
    try:
        os.rename(path, aside)
    except OSError as error:
        return f"it cannot be renamed ({error.strerror})"
    return f"it was renamed to {aside}"


def _free_names(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".damaged.pt")
    number = 2
    while True:
        yield path.with_suffix(f".damaged-{number}.pt")
        number += 1


def _recovery_advice(directory: RunDirectory) -> str:
    """What to do without the latest checkpoint."""
    intact: dict[Path, int] = {}
    for path in _others(directory):
        with suppress(UserError):
            intact[path] = load_checkpoint(path).progress.epoch - 1
    if not intact:
        return f"there is no other intact checkpoint; {_START_OVER}"
    newest = max(intact, key=lambda path: intact[path])
    latest = directory.latest
    command = f"cp {shlex.quote(str(newest))} {shlex.quote(str(latest))}"
    if latest.is_symlink():
        command = f"rm {shlex.quote(str(latest))} && {command}"
    found = first_few([f"{path.name} of epoch {epoch}" for path, epoch in intact.items()])
    return (
        f"intact: {found}; to resume after epoch {intact[newest]}, run `{command}`, then the same "
        f"command again; {_START_OVER}"
    )
