"""The arguments by which commands name a run and a dataset, and the dataset that they name."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.errors import UserError

if TYPE_CHECKING:
    from audetnet.config.options import DataOptions
    from audetnet.data.frames import Dataset, DatasetPaths
    from audetnet.training.saved import SavedModel

_OFF = Path("off")


def add_dataset_flags(flags: argparse.ArgumentParser) -> None:
    """All but --data, which commands describe themselves."""
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
        help="take the id lists from folds/FOLD, as create_dataset.splits writes them (default: "
        "those of --data itself)",
    )
    add_cache_flag(names)
    names.add_argument(
        "--check-cache",
        action="store_true",
        help="compare every kept frame with its checksum first; decode anew if one is damaged",
    )


def add_run_argument(flags: argparse.ArgumentParser) -> None:
    """RUN, of commands that measure or write what a run reports."""
    flags.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="run directory (the epoch that it reports), or checkpoint",
    )


def add_table_flags(flags: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Those that name images and labels; returns their group."""
    names = flags.add_argument_group("names within the dataset directory")
    names.add_argument(
        "--images", default="imgs", help="folder of ID.jpg or ID.png (default: imgs)"
    )
    names.add_argument(
        "--labels", help="AU table: pickle, csv or parquet (default: the one that is there)"
    )
    return names


def add_cache_flag(names: "argparse._ArgumentGroup") -> None:
    names.add_argument(
        "--cache",
        type=Path,
        metavar="DIR|off",
        help="where decoded frames are kept (default: cache in --data); off: in memory only",
    )


def cache_of(arguments: argparse.Namespace) -> Path | None:
    """The directory for what is decoded once; None where --cache is off."""
    if arguments.cache is None:
        default: Path = arguments.data / "cache"
        return default
    return None if arguments.cache == _OFF else arguments.cache


def dataset_of(arguments: argparse.Namespace, data: "DataOptions | None") -> "Dataset":
    """The dataset of --data and the flags beside it; ``data`` are the options of a cfg, if there is
    one. Raises UserError.
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
    """Where the dataset of --data and the flags beside it lies."""
    from audetnet.data.frames import DatasetPaths
    from audetnet.data.ids import IdFiles

    ids = IdFiles(arguments.train_ids, arguments.test_ids, arguments.validation_ids)
    if arguments.fold is not None:
        ids = ids.of_fold(arguments.fold)
    return DatasetPaths(
        directory=arguments.data, images=arguments.images, labels=arguments.labels, ids=ids
    )


def dataset_of_run(arguments: argparse.Namespace, run: "SavedModel") -> "Dataset":
    """The dataset, parted as a run has it. Raises UserError where its AUs are not the run's."""
    dataset = dataset_of(arguments, replace(run.config.data, au_names=None))
    unnamed = all(name.startswith("column ") for name in dataset.au_names)
    named_alike = unnamed and len(dataset.au_names) == len(run.au_names)
    if dataset.au_names != run.au_names and not named_alike:
        raise UserError(
            f"{arguments.data}: its AUs ({', '.join(dataset.au_names)}) are not those that "
            f"{run.path} was trained on ({', '.join(run.au_names)})"
        )
    return dataset
