"""``audetnet evaluate``: measure a trained network on whole test sets."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.commands.dataset_flags import (
    add_dataset_flags,
    add_run_argument,
    cache_of,
    dataset_of,
    paths_of,
)
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, names, natural
from audetnet.console.lines import note, say
from audetnet.errors import UserError, exit_status, first_few
from audetnet.machine.devices import select_device
from audetnet.machine.memory import keep_freed_memory

if TYPE_CHECKING:
    import torch

    from audetnet.data.frames import Dataset, FrameSet
    from audetnet.results.predictions import PredictionSet
    from audetnet.training.saved import SavedModel

_PROGRAM = "audetnet evaluate"
_EXAMPLE = f"""  {_PROGRAM} runs/discriminator --data disfa --fold 1
  {_PROGRAM} runs/bp4d --data disfa --data mine --set all"""


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Measure a trained network on whole sets of one or more datasets: F1, AUC, ICC and other "
        "metrics per AU, with intervals over people, and the worst person.",
        _EXAMPLE,
    )
    add_run_argument(flags)
    flags.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help="dataset directory; can be repeated for a table of all, over the AUs they share",
    )
    flags.add_argument(
        "--set",
        choices=("test", "validation", "all"),
        default="test",
        help="which frames (default: test; all: every labelled frame, ignoring the id lists)",
    )
    flags.add_argument(
        "--group-columns",
        type=names,
        metavar="A,B",
        help="columns of factors.csv that define groups (default: text columns with values that "
        "several people share)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        help="output directory (default: RUN/evaluation, or RUN/evaluation-CHECKPOINT for a "
        "checkpoint)",
    )
    flags.add_argument(
        "--seed", type=natural, default=0, help="seed of the bootstrap over people (default: 0)"
    )
    add_device_flag(flags)
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _evaluate(arguments))


def _evaluate(arguments: argparse.Namespace) -> int:
    from audetnet.results.evaluation import (
        described,
        evaluate_predictions,
        sheets,
        write_evaluation,
    )
    from audetnet.results.groups import read_groups
    from audetnet.results.prediction_file import read_predictions, write_predictions
    from audetnet.results.sheet import sheet_text
    from audetnet.training.saved import load_reported

    device = select_device(arguments.device)
    if device.type == "cpu":
        keep_freed_memory()
    run = load_reported(arguments.run)
    datasets = _datasets(arguments, run)
    notes = [line for each in datasets.values() for line in each.notes]
    notes += _warnings(run, datasets, arguments.set)
    for line in notes:
        note(line)
    out = arguments.out or _default_directory(arguments, run)
    path = write_predictions(out, list(_predictions(arguments, run, datasets, device)))
    found = [
        evaluate_predictions(
            subset,
            read_groups(where, subset, arguments.group_columns),
            arguments.seed,
        )
        for subset, where in zip(read_predictions(out), arguments.data, strict=True)
    ]
    facts = {
        "run": str(run.path),
        "cfg": str(run.config.path),
        "epochs trained": str(run.epochs),
        **{f"data: {one.name}": f"{arguments.set}, {described(one)}" for one in found},
    }
    write_evaluation(out, f"Evaluation of {run.reports.resolve().name}", facts, notes, found)
    for sheet in sheets(found):
        say(f"{sheet_text(sheet)}\n")
    say(f"predictions: {path}; all numbers: {out / 'results.csv'}; page: {out / 'report.html'}")
    return 0


def _datasets(arguments: argparse.Namespace, run: "SavedModel") -> "dict[str, Dataset]":
    """Datasets by name. Unnamed AUs get the names of the run's AUs. Raises UserError."""
    found: dict[str, Dataset] = {}
    for path in arguments.data:
        dataset = _dataset(_of(arguments, path), run)
        unnamed = all(name.startswith("column ") for name in dataset.au_names)
        if unnamed and len(dataset.au_names) == len(run.au_names):
            dataset = replace(dataset, au_names=run.au_names)
        name = path.resolve().name
        if name in found:
            raise UserError(f"{path}: another dataset has the same name; rename one of the two")
        found[name] = dataset
    if not _common_aus(run, found):
        raise UserError(
            f"{run.path}: none of the AUs that it was trained on ({', '.join(run.au_names)}) is in "
            f"all datasets; the first has {', '.join(next(iter(found.values())).au_names)}"
        )
    return found


def _dataset(arguments: argparse.Namespace, run: "SavedModel") -> "Dataset":
    from audetnet.data.every_frame import load_every_frame

    if arguments.set == "all":
        return load_every_frame(paths_of(arguments))
    subjects = run.config.data.validation_subjects if arguments.set == "validation" else None
    data = replace(
        run.config.data,
        au_names=None,
        regress_au_intensities=False,
        validation_subjects=subjects,
    )
    dataset = dataset_of(arguments, data)
    if arguments.set == "validation" and dataset.validation is None:
        raise UserError(f"{arguments.data}: has no validation frames; expected validation_ids.csv")
    return dataset


def _common_aus(run: "SavedModel", datasets: "dict[str, Dataset]") -> list[str]:
    return [au for au in run.au_names if all(au in each.au_names for each in datasets.values())]


def _warnings(run: "SavedModel", datasets: "dict[str, Dataset]", which: str) -> Iterator[str]:
    from audetnet.training.frame_list import trained_frames
    from audetnet.training.logs import RunDirectory

    if run.thresholds().validation is not None and which != "test":
        yield (
            f"warning: the tuned thresholds of {run.path} were chosen on its validation people: "
            f"F1 at these thresholds is too optimistic if --set {which} includes them"
        )
    if run.thresholds().validation is None:
        yield f"{run.path}: has no thresholds of validation people for this epoch"
    left_out = [au for au in run.au_names if au not in _common_aus(run, datasets)]
    if left_out:
        yield f"AUs of the run that are not in all datasets, ignored: {', '.join(left_out)}"
    trained = trained_frames(RunDirectory(run.root).frames)
    for name, dataset in datasets.items():
        shared = sorted(trained & set(_chosen(dataset, which).ids))
        if shared:
            yield (
                f"warning: {name}: {len(shared)} frames have the same names as training frames of "
                f"the run, which inflates results: {first_few(shared)}"
            )


def _chosen(dataset: "Dataset", which: str) -> "FrameSet":
    return dataset.validation or dataset.test if which == "validation" else dataset.test


def _predictions(
    arguments: argparse.Namespace,
    run: "SavedModel",
    datasets: "dict[str, Dataset]",
    device: "torch.device",
) -> "Iterator[PredictionSet]":
    from audetnet.results.predicting import predict

    aus = _common_aus(run, datasets)
    for path, (name, dataset) in zip(arguments.data, datasets.items(), strict=True):
        cache = cache_of(_of(arguments, path))
        frames = _chosen(dataset, arguments.set)
        yield predict(run, dataset, frames, device, cache, name, aus)


def _default_directory(arguments: argparse.Namespace, run: "SavedModel") -> Path:
    name = "evaluation" if arguments.run.is_dir() else f"evaluation-{run.path.stem}"
    return run.reports / name


def _of(arguments: argparse.Namespace, data: Path) -> argparse.Namespace:
    """The flags with ``--data`` set to one of the datasets."""
    return argparse.Namespace(**{**vars(arguments), "data": data})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
