"""The checkpoint that a run goes on from, and what is said where a directory holds a run without
one. Nothing of a run is deleted here unless the user asks for it.
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
from audetnet.training.fitting import check_run
from audetnet.training.frame_list import changed_frames
from audetnet.training.identity import check_identity, first_difference
from audetnet.training.logs import RunDirectory
from audetnet.training.sealed import UnreadableError

_ANEW = "to begin anew: --overwrite, or another directory with --run DIR"
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
"""What a run writes; the copy of its cfg is overwritten by that of the next one."""
_OF_DATA = ("au_names", "kind", "active_from", "landmarks")
"""What a description says of labels and images; older ones do not name the landmarks."""


def last_checkpoint(
    directory: RunDirectory,
    identity: dict[str, Any],
    description: dict[str, Any],
    model: AUDetNet,
    config: Config,
    dataset: Dataset,
) -> Checkpoint | None:
    """The checkpoint that a run goes on from, or None where none was begun.

    Raises UserError for one of another run. A damaged one is set aside and named in a UserError, as
    is a run without its latest checkpoint.
    """
    path = directory.latest
    if not os.path.lexists(path) or _is_dangling(path):
        held = _held(directory)
        if held:
            lost = f"{directory.root}: holds {held}, but {path} is gone"
            raise UserError(f"{lost}; {_way_on(directory)}")
        return None
    try:
        checkpoint = load_checkpoint(path)
        if checkpoint.progress.step == 0 and not _held(directory):
            return None

        def changed_data() -> str | None:
            said = [name for name in _OF_DATA if name in checkpoint.description]
            difference = first_difference(checkpoint.description, description, said)
            return difference or changed_frames(directory.frames, dataset)

        check_identity(checkpoint.identity, identity, directory.root, changed_data)
        try:
            check_run(checkpoint, model, config, dataset)
        except UnreadableError as error:
            raise CheckpointError(path, str(error)) from error
    except CheckpointError as error:
        raise UserError(f"{error}; {_set_aside(path)}; {_way_on(directory)}") from error
    return checkpoint


def delete_run(directory: RunDirectory) -> None:
    """Delete what a run writes, and nothing else; a line names the reports on it that are left.
    Raises FileError.
    """
    for pattern in _RUN_FILES:
        for file in directory.root.glob(pattern):
            try:
                file.unlink()
            except OSError as error:
                raise FileError(f"{file}: cannot be deleted: {error.strerror}") from error
    for report in sorted(directory.root.glob("disentangling*")):
        note(f"{report}: a report on the run that was overwritten; it is left as it is")


def _is_dangling(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _held(directory: RunDirectory) -> str:
    """What there is of a run beside its latest checkpoint, in words."""
    parts = []
    with suppress(OSError):
        epochs = directory.metrics.read_bytes().count(b"\n")
        parts += [f"metrics of {epochs} epochs"] if epochs else []
    others = [path.name for path in _others(directory)]
    parts += [first_few(others)] if others else []
    parts += [path.name for path in (directory.results, directory.table) if path.is_file()]
    return ", ".join(parts)


def _others(directory: RunDirectory) -> list[Path]:
    """The checkpoints beside the latest."""
    latest = directory.latest
    return sorted(path for path in latest.parent.glob("*.pt") if path.name != latest.name)


def _set_aside(path: Path) -> str:
    """Rename a damaged file; returns what was done, in words."""
    aside = next(name for name in _free_names(path) if not os.path.lexists(name))
    try:
        os.rename(path, aside)
    except OSError as error:
        return f"it cannot be set aside ({error.strerror})"
    return f"it was set aside as {aside}"


def _free_names(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".damaged.pt")
    number = 2
    while True:
        yield path.with_suffix(f".damaged-{number}.pt")
        number += 1


def _way_on(directory: RunDirectory) -> str:
    """What can be done without the latest checkpoint."""
    intact: dict[Path, int] = {}
    for path in _others(directory):
        with suppress(UserError):
            intact[path] = load_checkpoint(path).progress.epoch - 1
    if not intact:
        return f"there is no other checkpoint that is intact; {_ANEW}"
    newest = max(intact, key=lambda path: intact[path])
    latest = directory.latest
    command = f"cp {shlex.quote(str(newest))} {shlex.quote(str(latest))}"
    if latest.is_symlink():
        command = f"rm {shlex.quote(str(latest))} && {command}"
    found = first_few([f"{path.name} of epoch {epoch}" for path, epoch in intact.items()])
    return (
        f"intact: {found}; to go on from epoch {intact[newest]}: `{command}`, then the same "
        f"command again; {_ANEW}"
    )
