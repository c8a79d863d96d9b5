"""``audetnet baselines``: simple methods on a dataset's own split, and a run next to them."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.commands.dataset_flags import (
    add_dataset_flags,
    cache_of,
    dataset_of,
    dataset_of_run,
    trained_elsewhere,
)
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, natural
from audetnet.console.lines import counted, note, say
from audetnet.errors import exit_status
from audetnet.machine.devices import select_device
from audetnet.machine.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audetnet.baselines.method import Method
    from audetnet.data.frames import Dataset
    from audetnet.training.saved import SavedModel

_PROGRAM = "audetnet baselines"
_EXAMPLE = f"  {_PROGRAM} --data faces --run runs/small_96"


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Recognise AUs with ridge regression on HOG and on a frozen EfficientNet-Lite0: what a run "
        "has to beat.",
        _EXAMPLE,
    )
    flags.add_argument("--data", type=Path, required=True, help="dataset directory")
    flags.add_argument(
        "--run",
        type=Path,
        help="run directory or checkpoint to measure next to them (default: none)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        help="where to write (default: RUN/baselines, without --run runs/baselines-DATA)",
    )
    flags.add_argument(
        "--seed", type=natural, default=0, help="seed of all random draws (default: 0)"
    )
    add_device_flag(flags)
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _baselines(arguments))


def _baselines(arguments: argparse.Namespace) -> int:
    from audetnet.baselines.side_by_side import measured, table_text, write_results
    from audetnet.training.saved import load_saved

    keep_freed_memory()
    run = None if arguments.run is None else load_saved(arguments.run)
    dataset = dataset_of(arguments, None) if run is None else dataset_of_run(arguments, run)
    for line in (*dataset.notes, *_warnings(arguments, dataset, run)):
        note(line)
    methods = list(_methods(arguments, dataset, run))
    found = measured(methods, dataset, arguments.seed)
    out = arguments.out or _default_directory(arguments, run)
    facts = {"data": str(arguments.data), "run": str(run.path) if run else "none"}
    write_results(out, facts, methods, found)
    people = counted(dataset.test.people, "person", "people")
    say(f"{counted(len(dataset.test), 'test frame')} of {people}, 95 % intervals over them\n")
    say(f"{table_text(found, dataset.au_names)}\n")
    for method in methods:
        say(f"{method.name}: thresholds of F1 chosen on {method.tuned_on}")
    say(f"all numbers: {out / 'results.csv'}")
    return 0


def _warnings(
    arguments: argparse.Namespace, dataset: "Dataset", run: "SavedModel | None"
) -> "Iterator[str]":
    if fault := dataset.test.subjects_fault():
        yield f"no intervals and no person references: that {fault}"
    if run is None:
        return
    yield from trained_elsewhere(arguments, dataset, run)
    if dataset.validation is None:
        yield (
            f"{run.path}: there are no validation people, so its thresholds are chosen on the "
            "people it was trained on, whom it fits too well; not comparable with the baselines' F1"
        )


def _methods(
    arguments: argparse.Namespace, dataset: "Dataset", run: "SavedModel | None"
) -> "Iterator[Method]":
    from audetnet.baselines.features import hog_reader, stem_readers
    from audetnet.baselines.ridge import ridge_method
    from audetnet.baselines.run import run_method

    cache, seed = cache_of(arguments), arguments.seed
    device = select_device(arguments.device)
    readers = {**hog_reader(dataset, cache), **stem_readers(dataset, cache, device)}
    for name, read in readers.items():
        say(f"fitting {name}")
        yield ridge_method(name, read, dataset, seed)
    if run is not None:
        yield run_method(run.reports.resolve().name, run, dataset, device, cache, seed)


def _default_directory(arguments: argparse.Namespace, run: "SavedModel | None") -> Path:
    if run is not None:
        return run.reports / "baselines"
    return Path("runs") / f"baselines-{arguments.data.resolve().name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
