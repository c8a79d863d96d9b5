"""What a run says of itself to those who use it."""

from pathlib import Path

from audetnet.errors import UserError
from audetnet.json_files import read_json
from audetnet.training.logs import RunDirectory
from audetnet.training.saved import SavedModel, load_saved

_ACTIVE_PROBABILITY = 0.5


def reported_checkpoint(path: Path) -> Path:
    """The checkpoint of the epoch that a run directory reports, or its latest where it has not come
    to its end; a checkpoint is itself. Raises UserError.
    """
    directory = RunDirectory(path)
    if not path.is_dir() or not directory.results.is_file():
        return directory.latest if path.is_dir() else path
    try:
        epoch = int(read_json(directory.results)["chosen"]["epoch"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{directory.results}: names no chosen epoch") from error
    for file in (directory.latest, directory.best, directory.kept(epoch)):
        if file.is_file() and load_saved(file).epochs == epoch:
            return file
    raise UserError(
        f"{path}: the checkpoint of epoch {epoch}, which it reports, is gone; name another "
        "checkpoint"
    )


def thresholds_of(saved: SavedModel) -> tuple[float, ...]:
    """From which intensity or probability on each AU is active, (A,)."""
    head = saved.head()
    threshold = head.active_from if head.regress else _ACTIVE_PROBABILITY
    return (float(threshold),) * len(saved.au_names)


def landmarks_of(saved: SavedModel) -> str | None:
    """Which landmarks made the crops that it was trained on; None where it does not say."""
    return None
