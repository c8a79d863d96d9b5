"""Arguments that name a run and a dataset, and loading what they name."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.errors import UserError
from audetnet.recogniser import NAME

if TYPE_CHECKING:
    from audetnet.config.options import DataOptions
    from audetnet.data.frames import Dataset, DatasetPaths
    from audetnet.training.saved import SavedModel

_OFF = Path("off")


def add_dataset_flags(flags: argparse.ArgumentParser) -> None:
    """All flags except --data, which each command adds itself."""
    names = add_table_flags(flags)
    names.add_argument(
        "--train-ids", default="train_ids.csv", help="training ids (default: train_ids.csv)"
    )
    names.add_argument(
        "--test-ids", default="test_ids.csv", help="test ids (default: test_ids.csv)"
    )
    names.add_argument(
        "--validation-ids",
        default="validation_ids.csv",
        help="validation ids, if there are any (default: validation_ids.csv)",
    )
    names.add_argument(
        "--fold",
        help="take the id lists from folds/FOLD, as written by create_dataset.splits (default: "
        "from --data itself)",
    )
    add_cache_flag(names)
    names.add_argument(
        "--check-cache",
        action="store_true",
        help="verify the checksum of every cached frame first; decode again if one is damaged",
    )


def add_run_argument(flags: argparse.ArgumentParser) -> None:
    """RUN, for commands that evaluate or export a run."""
    flags.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help=f"run directory (its reported epoch), checkpoint, or the shipped network ({NAME})",
    )


def add_table_flags(flags: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Flags that name images and labels; returns their group."""
    names = flags.add_argument_group("names within the dataset directory")
    names.add_argument(
        "--images", default="imgs", help="folder of ID.jpg or ID.png (default: imgs)"
    )
    names.add_argument(
        "--labels", help="AU table: pickle, csv or parquet (default: the only one there)"
    )
    return names


def add_cache_flag(names: "argparse._ArgumentGroup") -> None:
    names.add_argument(
        "--cache",
        type=Path,
        metavar="DIR|off",
        help="where to cache decoded frames (default: cache in --data); off: memory only",
    )


def cache_of(arguments: argparse.Namespace) -> Path | None:
    """The cache directory; None if --cache is off."""
    if arguments.cache is None:
        default: Path = arguments.data / "cache"
        return default
    return None if arguments.cache == _OFF else arguments.cache


def dataset_of(arguments: argparse.Namespace, data: "DataOptions | None") -> "Dataset":
    """The dataset named by --data and its flags. ``data``: the options of the cfg, if any. Raises
    UserError.
    """
    from audetnet.data.frames import load_dataset

    paths = paths_of(arguments)
    return load_dataset(paths, regress=False) if data is None else dataset_for(paths, data)


def dataset_for(paths: "DatasetPaths", data: "DataOptions") -> "Dataset":
    """The dataset as the options of a cfg have it. Raises UserError."""
    from audetnet.data.cells import with_cells
    from audetnet.data.frames import load_dataset

    regress, subjects = data.regress_au_intensities, data.validation_subjects
    dataset = load_dataset(paths, regress, data.au_names, subjects)
    return with_cells(dataset, paths.directory, data.balance_over)


def paths_of(arguments: argparse.Namespace) -> "DatasetPaths":
    """The paths named by --data and its flags."""
    from audetnet.data.frames import DatasetPaths
    from audetnet.data.ids import IdFiles

    ids = IdFiles(arguments.train_ids, arguments.test_ids, arguments.validation_ids)
    if arguments.fold is not None:
        ids = ids.of_fold(arguments.fold)
    return DatasetPaths(
        directory=arguments.data, images=arguments.images, labels=arguments.labels, ids=ids
    )


def dataset_of_run(arguments: argparse.Namespace, run: "SavedModel") -> "Dataset":
    """The dataset, split as in a run. Raises UserError if its AUs are not those of the run."""
    dataset = dataset_of(arguments, replace(run.config.data, au_names=None))
    unnamed = all(name.startswith("column ") for name in dataset.au_names)
    named_alike = unnamed and len(dataset.au_names) == len(run.au_names)
    if dataset.au_names != run.au_names and not named_alike:
        raise UserError(
            f"{arguments.data}: its AUs ({', '.join(dataset.au_names)}) differ from those that "
            f"{run.path} was trained on ({', '.join(run.au_names)})"
        )
    return dataset


def trained_elsewhere(
    arguments: argparse.Namespace, dataset: "Dataset", *runs: "SavedModel"
) -> list[str]:
    """A warning for each run that was not trained on this dataset and its id lists."""
    return [
        f"{run.path}: trained on other frames or labels than {arguments.data} has now (or on "
        "another --fold): people of the test set may have been seen in training"
        for run in runs
        if run.checkpoint.identity["digest_of_ids_and_labels"] != dataset.digest()
    ]
