"""``python -m create_dataset.splits``: split frames by subject into training, validation, test."""

import argparse
import sys
from pathlib import Path

from audetnet.console.arguments import (
    command_parser,
    count_or_fraction,
    fold_count,
    fraction,
    names,
    natural,
)
from audetnet.errors import exit_status

_EXAMPLE = """  python -m create_dataset.splits disfa --folds --validation 3
  python -m create_dataset.splits mine --k 5
Then train with: python train.py --cfg cfg/discriminator.cfg --data disfa --fold 1"""


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.splits",
        "Write the id lists of a dataset directory: one split to train_ids.csv, test_ids.csv and "
        "validation_ids.csv, or several to folds/FOLD/. All frames of a subject go to one list, so "
        "that results hold for new people. Parts are chosen so that each has its share of the "
        "active frames of every AU, as far as possible.",
        _EXAMPLE,
    )
    flags.add_argument("data", type=Path, metavar="DIR", help="dataset directory")
    mode = flags.add_mutually_exclusive_group(required=True)
    mode.add_argument(
        "--folds", action="store_true", help="the parts in dataset.json (DISFA, BP4D: the usual 3)"
    )
    mode.add_argument("--k", type=fold_count, help="K folds; the parts are stored in dataset.json")
    mode.add_argument(
        "--leave-one-subject-out", action="store_true", help="a fold per subject, named after it"
    )
    mode.add_argument("--test", type=fraction, help="one split: this fraction of the subjects")
    mode.add_argument("--test-subjects", type=names, help="one split: these subjects")
    mode.add_argument(
        "--random-frames",
        type=fraction,
        metavar="FRACTION",
        help="one split by frame, not by subject. The same people, and almost the same pictures, "
        "are then in training and test: numbers come out far too high and say nothing about new "
        "people. For debugging only",
    )
    held_out = flags.add_mutually_exclusive_group()
    held_out.add_argument(
        "--validation",
        type=count_or_fraction,
        help="training subjects of each split to hold out for validation: a number (3) or a "
        "fraction (0.15)",
    )
    held_out.add_argument("--validation-subjects", type=names, help="these training subjects")
    flags.add_argument("--seed", type=natural, default=0, help="random seed (default: 0)")
    flags.add_argument("--images", default="imgs", help="folder of images (default: imgs)")
    flags.add_argument("--labels", help="AU table (default: the one in DIR)")
    return flags


def _run(arguments: argparse.Namespace) -> int:
    from audetnet.data.splitting import Request, Splitter, read_labelled_frames
    from create_dataset.splitting.writing import record_folds, write_folds, write_split
    from create_dataset.summary import Summary, note_one_subject_per_frame

    data, summary = arguments.data, Summary()
    frames = read_labelled_frames(data, arguments.images, arguments.labels)
    folder = data / arguments.images
    if not folder.is_dir():
        summary.note(f"{folder}: no such directory; listing all labelled frames")
    summary.left_out(f"no image in {folder}", frames.without_image)
    note_one_subject_per_frame(frames.subjects.tolist(), summary)
    request = Request(arguments.validation, arguments.validation_subjects, arguments.seed)
    splitter = Splitter(frames, request)
    if arguments.random_frames is not None:
        write_split(data, splitter.random_frames(arguments.random_frames), summary)
    elif arguments.test is not None or arguments.test_subjects is not None:
        write_split(data, splitter.one_split(arguments.test, arguments.test_subjects), summary)
    elif arguments.folds:
        write_folds(data, splitter.given_folds(data), summary)
    else:
        leave_one_out = arguments.leave_one_subject_out
        folds = splitter.leave_one_subject_out() if leave_one_out else splitter.k_folds(arguments.k)
        write_folds(data, folds, summary)
        record_folds(data, folds, summary)
    summary.show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
