"""``python -m create_dataset.balance``: a balanced list of training ids and what balancing does."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.console.arguments import command_parser, names, natural, positive
from audetnet.console.lines import say
from audetnet.console.progress import ProgressBar
from audetnet.errors import UserError, exit_status

if TYPE_CHECKING:
    from audetnet.data.frames import Dataset
    from audetnet.data.momu import Indices
    from audetnet.labels import FloatArray
    from create_dataset.balancing.table import Balance
    from create_dataset.summary import Summary

LIST_NAME = "balanced_train_ids.csv"
TABLE_NAME = "before_after.csv"


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.balance",
        "Draw training ids as train.py does with balance_dataset_with_momu=True (the same ids for "
        "the same --seed, sizes and --balance-subjects), write them as a list, and show in a table "
        "and figures what that does to the classes. To train on the list, use the command printed "
        "at the end, with balance_dataset_with_momu=False in the cfg; one pass over the list is "
        "--epochs epochs.",
        "  python -m create_dataset.balance minimal_dataset --sampling-size 2",
    )
    flags.add_argument("directory", type=Path, metavar="DIR", help="dataset directory")
    flags.add_argument(
        "--out",
        type=Path,
        help="where to write (default: DIR/balance; with --fold, DIR/folds/FOLD/balance)",
    )
    flags.add_argument("--epochs", type=positive, default=1, help="epochs to draw (default: 1)")
    flags.add_argument(
        "--epoch-size",
        type=positive,
        metavar="N",
        help="ids per epoch, a multiple of --sampling-size (default: about one per training frame)",
    )
    flags.add_argument(
        "--sampling-size",
        type=positive,
        default=32,
        metavar="N",
        help="ids drawn at a time (default: 32)",
    )
    flags.add_argument(
        "--balance-subjects",
        action="store_true",
        help="draw each class evenly from the people who show it, like balance_subjects=True in "
        "the cfg",
    )
    flags.add_argument("--seed", type=natural, default=0, help="as in train.py (default: 0)")
    data = flags.add_argument_group("as in train.py")
    data.add_argument("--images", default="imgs", help="folder of images (default: imgs)")
    data.add_argument("--labels", metavar="FILE", help="AU table (default: the one in DIR)")
    data.add_argument("--train-ids", default="train_ids.csv", help="default: train_ids.csv")
    data.add_argument("--fold", help="take the id lists from folds/FOLD")
    data.add_argument(
        "--validation-subjects", type=names, help="subjects to leave out, as in the cfg"
    )
    return flags


def _run(arguments: argparse.Namespace) -> int:
    from audetnet.data.ids import FOLDS_DIRECTORY
    from audetnet.data.metadata import subject_indices
    from audetnet.data.momu import MOMU
    from audetnet.labels import active
    from create_dataset.balancing.table import Balance
    from create_dataset.summary import Summary

    dataset = _dataset(arguments)
    size = arguments.sampling_size
    epoch_size = arguments.epoch_size or max(len(dataset.train) // size, 1) * size
    if epoch_size % size:
        raise UserError(
            f"--epoch-size {epoch_size} is not a multiple of --sampling-size {size}: use "
            f"{max(epoch_size // size, 1) * size}"
        )
    summary = Summary()
    for note in dataset.notes:
        summary.note(note)
    flags = active(dataset.train.labels, dataset.active_from)
    few = MOMU(flags, epoch_size, size).few_draws()
    if few is not None:
        summary.note(few)
    subjects = None
    if arguments.balance_subjects:
        if fault := dataset.train.subjects_fault():
            raise UserError(f"--balance-subjects {fault}")
        subjects = subject_indices(dataset.train.subjects)
    drawn = draw(flags, epoch_size, size, arguments.epochs, arguments.seed, subjects)
    balance = Balance(dataset.au_names, flags, drawn)
    lists = arguments.directory
    if arguments.fold is not None:
        lists = lists / FOLDS_DIRECTORY / arguments.fold
    out = arguments.out or lists / "balance"
    _write(out, dataset, balance, summary)
    _note_classes(balance, size, summary)
    _say_how_to_train(arguments, out / LIST_NAME, lists, summary)
    summary.show()
    return 0


def draw(
    active: "FloatArray",
    epoch_size: int,
    sampling_size: int,
    epochs: int,
    seed: int,
    subjects: "Indices | None" = None,
) -> "Indices":
    """Frame numbers in the order in which training draws them, int64 (epochs x epoch_size,), for
    frames with activity ``active`` (N, A); evenly over ``subjects`` (N,), if given.
    """
    import numpy as np

    from audetnet.data.momu import MOMU
    from audetnet.data.order import EpochOrder

    order = EpochOrder(len(active), MOMU(active, epoch_size, sampling_size, subjects), seed)
    drawn = []
    with ProgressBar("drawing", epochs, unit="epoch") as bar:
        for epoch in range(1, epochs + 1):
            drawn.append(order(epoch))
            order.finish_epoch()
            bar.advance()
    return np.concatenate(drawn)


def _dataset(arguments: argparse.Namespace) -> "Dataset":
    """The dataset as training reads it."""
    from audetnet.data.frames import DatasetPaths, load_dataset
    from audetnet.data.ids import IdFiles

    ids = IdFiles(train=arguments.train_ids)
    if arguments.fold is not None:
        ids = ids.of_fold(arguments.fold)
    paths = DatasetPaths(
        directory=arguments.directory, images=arguments.images, labels=arguments.labels, ids=ids
    )
    return load_dataset(paths, False, None, arguments.validation_subjects)


def _write(out: Path, dataset: "Dataset", balance: "Balance", summary: "Summary") -> None:
    """Write the list, the table and the figures, each atomically."""
    from audetnet.data.ids import write_ids
    from audetnet.files.atomic import write_bytes
    from audetnet.files.csv import write_csv
    from create_dataset.balancing.figures import balance_figures
    from create_dataset.balancing.table import balance_text, csv_rows

    ids = dataset.train.ids
    write_ids(out / LIST_NAME, (ids[index] for index in balance.drawn))
    summary.wrote(out / LIST_NAME, f"{len(balance.drawn):,} training ids")
    write_csv(out / TABLE_NAME, csv_rows(balance))
    summary.wrote(out / TABLE_NAME, "classes before and after balancing")
    intensities = dataset.train.labels if dataset.kind == "intensity" else None
    drawings = balance_figures(balance, dataset.train.subjects, intensities)
    with ProgressBar("drawing figures", len(drawings), unit="figure") as bar:
        for name, (content, make) in drawings.items():
            write_bytes(out / f"{name}.png", make().savefig)
            summary.wrote(out / f"{name}.png", content)
            bar.advance()
    say(f"{balance_text(balance)}\n")


def _say_how_to_train(
    arguments: argparse.Namespace, path: Path, lists: Path, summary: "Summary"
) -> None:
    """The command that trains on the list, whose path is relative to the other id lists."""
    flags = ["--train-ids", os.path.relpath(path.resolve(), lists.resolve())]
    if arguments.fold is not None:
        flags += ["--fold", arguments.fold]
    if arguments.images != "imgs":
        flags += ["--images", arguments.images]
    if arguments.labels is not None:
        flags += ["--labels", arguments.labels]
    summary.next_command(
        *("train.py", "--cfg", "FILE.cfg", "--data", arguments.directory, *flags),
        comment="set balance_dataset_with_momu=False in FILE.cfg",
    )


def _note_classes(balance: "Balance", sampling_size: int, summary: "Summary") -> None:
    """Note classes that cannot be balanced, or only by drawing the same frames repeatedly."""
    counts = dict(zip(balance.classes, balance.counts(after=False).tolist(), strict=True))
    empty = [name for name, count in counts.items() if not count]
    small = [f"{name} ({count})" for name, count in counts.items() if 0 < count < sampling_size]
    if empty:
        summary.note(f"never drawn, active in no training frame: {', '.join(empty)}")
    if small:
        summary.note(
            f"fewer frames than --sampling-size {sampling_size}, all drawn again and again: "
            f"{', '.join(small)}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
