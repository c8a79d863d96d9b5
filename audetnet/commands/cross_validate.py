"""``audetnet cross-validate``: train and test a cfg on every fold."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.commands.dataset_flags import add_cache_flag, add_table_flags, cache_of, dataset_for
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, count_or_fraction, fold_count, positive
from audetnet.console.lines import counted, note, say
from audetnet.errors import EXIT_USER_ERROR, exit_status
from audetnet.files.lock import locked
from audetnet.machine.devices import select_device

if TYPE_CHECKING:
    import torch

    from audetnet.config.options import Config
    from audetnet.data.frames import Dataset
    from audetnet.data.ids import IdFiles
    from audetnet.results.folds import CrossValidation
    from audetnet.results.trainings import Training

_PROGRAM = "audetnet cross-validate"
_EXAMPLE = f"""  {_PROGRAM} --cfg cfg/discriminator.cfg --data disfa --seeds 3 --baselines
  {_PROGRAM} --cfg cfg/small.cfg --data mine --k 3 --validation 2
Run the same command again to resume."""
_BUSY = "in use by another cross-validation; wait for it, or choose another directory with --out"


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Train a cfg on every fold of a dataset, with one or several seeds, and report the results "
        "as papers do: AUs by folds, mean, standard deviation, and all folds pooled.",
        _EXAMPLE,
    )
    flags.add_argument("--cfg", type=Path, required=True, help="networks and options")
    flags.add_argument("--data", type=Path, required=True, help="dataset directory")
    flags.add_argument(
        "--k",
        type=fold_count,
        help="make K folds by subject (default: the folds in DATA/folds, else in dataset.json)",
    )
    flags.add_argument(
        "--validation",
        type=count_or_fraction,
        help="validation subjects to take from the training subjects of each fold made here: a "
        "number (3) or a fraction (0.15); default: none, so that the last epoch and the default "
        "thresholds are reported",
    )
    flags.add_argument(
        "--seeds", type=positive, default=1, help="number of trainings per fold (default: 1)"
    )
    flags.add_argument(
        "--out", type=Path, help="where to write (default: runs/CFGNAME-cross-validation)"
    )
    flags.add_argument(
        "--compare",
        type=Path,
        metavar="OTHER",
        help="directory of another cross-validation on the same frames: test the difference "
        "(default: none)",
    )
    flags.add_argument(
        "--baselines",
        action="store_true",
        help="add HOG + ridge and a frozen stem + ridge on the same folds to the tables",
    )
    flags.add_argument(
        "--init",
        type=Path,
        metavar="RUN|FILE",
        help="initial weights of each training (default: random, from the seed)",
    )
    flags.add_argument(
        "--bf16",
        action="store_true",
        help="bfloat16 autocast for the main networks, as in training",
    )
    add_device_flag(flags)
    add_cache_flag(add_table_flags(flags))
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _cross_validate(arguments))


def _cross_validate(arguments: argparse.Namespace) -> int:
    from audetnet.config.reader import read_config
    from audetnet.results.fold_lists import FoldRequest, prepare_folds
    from audetnet.results.trainings import check_finished, run_trainings, start_in_subprocess
    from audetnet.vocabulary import VOCABULARY

    config = read_config(arguments.cfg, VOCABULARY)
    out = arguments.out or Path("runs") / f"{arguments.cfg.stem}-cross-validation"
    devices = _devices(arguments.device)
    request = FoldRequest(
        data=arguments.data,
        images=arguments.images,
        labels=arguments.labels,
        k=arguments.k,
        validation=arguments.validation,
    )
    with locked(out, _BUSY):
        folds = prepare_folds(out, request)
        datasets = {fold: _dataset(arguments, config, ids) for fold, ids in folds.items()}
        trainings = list(_trainings(arguments, out, folds))
        check_finished(trainings, config, datasets, arguments.bf16, arguments.init)
        start = _start if len(devices) == 1 else start_in_subprocess
        outcome = run_trainings(trainings, devices, start, config.training.max_epochs)
        if outcome != "finished":
            say(f"a training {outcome}; run the same command again to resume")
            return 0 if outcome == "stopped" else EXIT_USER_ERROR
        _report(arguments, out, trainings, datasets, select_device(devices[0]))
    return 0


def _devices(name: str) -> list[str]:
    """The devices to train on: all GPUs, unless the flag names one."""
    import torch

    device = select_device(name)
    if device.type == "cuda" and device.index is None:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(device)]


def _dataset(arguments: argparse.Namespace, config: "Config", ids: "IdFiles") -> "Dataset":
    from audetnet.data.frames import DatasetPaths

    paths = DatasetPaths(
        directory=arguments.data, images=arguments.images, labels=arguments.labels, ids=ids
    )
    return dataset_for(paths, config.data)


def _trainings(
    arguments: argparse.Namespace, out: Path, folds: "Mapping[str, IdFiles]"
) -> "Iterator[Training]":
    from audetnet.results.trainings import Training

    flags = ["--cfg", arguments.cfg, "--data", arguments.data, "--images", arguments.images]
    flags += ["--save-every", 0]
    for name in ("labels", "cache", "init"):
        if (value := getattr(arguments, name)) is not None:
            flags += [f"--{name}", value]
    if arguments.bf16:
        flags += ["--bf16"]
    for seed in range(arguments.seeds):
        for fold, ids in folds.items():
            run = out / "runs" / f"fold-{fold}-seed-{seed}"
            lists = ["--train-ids", ids.train, "--test-ids", ids.test]
            lists += ["--validation-ids", ids.validation]
            own = (*flags, *lists, "--run", run, "--seed", seed)
            yield Training(fold=fold, seed=seed, run=run, flags=tuple(map(str, own)))


def _start(training: "Training", device: str) -> int:
    from audetnet.commands import train

    return train.main([*training.flags, "--device", device])


def _report(
    arguments: argparse.Namespace,
    out: Path,
    trainings: "Sequence[Training]",
    datasets: "Mapping[str, Dataset]",
    device: "torch.device",
) -> None:
    from audetnet.data.metadata import read_metadata
    from audetnet.results.comparison import differences
    from audetnet.results.cross_files import write_cross_validation
    from audetnet.results.cross_sheets import Report, au_sheets, main_sheets
    from audetnet.results.fold_predictions import baseline_predictions, training_predictions
    from audetnet.results.folds import pools_by_seed, summarise_folds
    from audetnet.results.prediction_file import read_predictions, write_predictions
    from audetnet.results.published import comparable_numbers
    from audetnet.results.sheet import sheet_text

    cache, folds = cache_of(arguments), list(datasets)
    subsets = [training_predictions(one, datasets[one.fold], device, cache) for one in trainings]
    path = write_predictions(out, subsets)
    methods = [summarise_folds(arguments.cfg.stem, read_predictions(out), folds)]
    if arguments.baselines:
        beside = baseline_predictions(out / "baselines", datasets, device, cache)
        methods += [summarise_folds(name, of, folds) for name, of in beside.items()]
    own, *others = methods
    compared = {method.name: method.pools for method in others}
    if (other := arguments.compare) is not None:
        compared[other.resolve().name] = list(pools_by_seed(read_predictions(other)).values())
    notes = list(_notes(datasets))
    for line in notes:
        note(line)
    report = Report(
        facts=_facts(arguments, own),
        notes=notes,
        methods=methods,
        differences={name: differences(own.pools, pools) for name, pools in compared.items()},
        published=comparable_numbers(read_metadata(arguments.data), own.pools[0].aus),
    )
    write_cross_validation(out, report)
    for sheet in (au_sheets(report)[0], *main_sheets(report)):
        say(f"\n{sheet_text(sheet)}")
    say(f"\npredictions: {path}; tables: {out / 'tables.md'}; page: {out / 'report.html'}")


def _notes(datasets: "Mapping[str, Dataset]") -> Iterator[str]:
    for fold, dataset in datasets.items():
        for line in dataset.notes:
            yield f"fold {fold}: {line}"
    without = [fold for fold, dataset in datasets.items() if dataset.validation is None]
    if without:
        yield (
            f"no validation people in {counted(len(without), 'fold')}: the last epoch is reported, "
            "with F1 at the default thresholds only"
        )


def _facts(arguments: argparse.Namespace, own: "CrossValidation") -> dict[str, str]:
    import torch

    import audetnet

    pool = own.pools[0]
    people = counted(len(pool.people), "person", "people")
    return {
        "cfg": str(arguments.cfg),
        "data": f"{arguments.data}, {counted(len(pool.frames), 'test frame')} of {people}",
        "folds": ", ".join(own.folds),
        "seeds": ", ".join(map(str, own.seeds)),
        "versions": f"AUDetNet {audetnet.__version__}, torch {torch.__version__}",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
