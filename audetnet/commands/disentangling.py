"""``audetnet test-disentangling``: what z1 and z2 of a trained run know."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.commands.dataset_flags import (
    add_dataset_flags,
    cache_of,
    dataset_of_run,
    trained_elsewhere,
)
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, names, natural, positive
from audetnet.console.lines import counted, note, say
from audetnet.errors import UserError, exit_status
from audetnet.machine.devices import select_device
from audetnet.machine.memory import keep_freed_memory

if TYPE_CHECKING:
    import torch

    from audetnet.data.frames import Dataset, FrameSet
    from audetnet.disentangling.columns import Request
    from audetnet.disentangling.identity_embedding import ReferenceNetworks
    from audetnet.disentangling.report import Heading
    from audetnet.disentangling.trained_run import TrainedRun
    from audetnet.networks.model import AUDetNet
    from audetnet.training.saved import SavedModel

_EXAMPLE = """  audetnet test-disentangling runs/discriminator --data disfa --fold 1
  audetnet test-disentangling runs/a --data faces --compare runs/a_no_discriminator"""
_FRAMES = 4000


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        "audetnet test-disentangling",
        "Measure what z1 and z2 of a trained run know about AUs, identity, pose and light, on "
        "people it was not trained on.",
        _EXAMPLE,
    )
    flags.add_argument(
        "run", type=Path, metavar="RUN", help="run directory (its latest checkpoint), or checkpoint"
    )
    flags.add_argument("--data", type=Path, required=True, help="dataset directory of the run")
    flags.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="other runs on the same data, e.g. without the Discriminator, as additional columns "
        "(default: none)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        help="where to write (default: RUN/disentangling, for a checkpoint "
        "RUN/disentangling-CHECKPOINT)",
    )
    flags.add_argument(
        "--frames",
        type=positive,
        default=_FRAMES,
        metavar="N",
        help=f"at most N training and N test frames, equally many per person (default: {_FRAMES})",
    )
    flags.add_argument(
        "--factors",
        metavar="FILE",
        help="table of known factors in --data: frame id, numbers (default: factors.csv, or else "
        "the head rotation in frames.csv)",
    )
    flags.add_argument(
        "--factor-columns",
        type=names,
        metavar="A,B",
        help="its columns (default: all numeric ones)",
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
    return exit_status(lambda: _test(arguments))


def _test(arguments: argparse.Namespace) -> int:
    from audetnet.disentangling.all_figures import illustrate
    from audetnet.disentangling.analysis import analyse
    from audetnet.disentangling.columns import columns_of
    from audetnet.disentangling.report import reasons, summary_text, write_report
    from audetnet.training.saved import load_saved

    device = select_device(arguments.device)
    if device.type == "cpu":
        keep_freed_memory()
    run, *compared = (load_saved(path) for path in [arguments.run, *arguments.compare])
    dataset = _dataset(arguments, run, compared)
    request = _request(arguments, dataset, run, compared, device)
    for line in request.notes:
        note(line)
    columns = columns_of(request)
    table = analyse(columns, request.notes)
    out = arguments.out or _default_directory(run)
    heading = _heading(arguments, request, run)
    write_report(out, heading, table, illustrate(table, columns))
    say(f"{heading.title}\n\n{summary_text(table)}\n")
    for reason in reasons(table):
        say(f"not measured: {reason}")
    say(f"report, tables and figures: {out / 'report.html'}")
    return 0


def _dataset(
    arguments: argparse.Namespace, run: "SavedModel", compared: "list[SavedModel]"
) -> "Dataset":
    """The dataset, if all runs have its AUs."""
    for other in compared:
        if other.au_names != run.au_names:
            raise UserError(
                f"{other.path}: trained on other AUs ({', '.join(other.au_names)}) than "
                f"{run.path} ({', '.join(run.au_names)})"
            )
    return dataset_of_run(arguments, run)


def _request(
    arguments: argparse.Namespace,
    dataset: "Dataset",
    run: "SavedModel",
    compared: "list[SavedModel]",
    device: "torch.device",
) -> "Request":
    """Encode everything, and train the reference classifier."""
    from audetnet.data.factors import find_factors
    from audetnet.data.pairs import read_pairs
    from audetnet.disentangling.codes import balanced_sample
    from audetnet.disentangling.columns import UNTRAINED, Request, with_reference
    from audetnet.disentangling.expressions import find_expressions
    from audetnet.disentangling.trained_run import encoded_run
    from audetnet.training.frames_of_run import packed_frames, stem_rows

    factors = find_factors(arguments.data, arguments.factors, arguments.factor_columns)
    pairs = read_pairs(arguments.data)
    cache = cache_of(arguments)
    train, notes = balanced_sample(dataset.train, arguments.frames)
    test, more = balanced_sample(dataset.test, arguments.frames)

    def encoded(
        name: str, saved: "SavedModel", model: "AUDetNet", with_rest: bool = False
    ) -> "TrainedRun":
        packed = packed_frames(saved, dataset, cache, arguments.check_cache)
        stem = stem_rows(saved, model, packed, dataset, device, cache)
        head, smallest, samples = saved.head(), dataset.active_from, (train, test)
        return encoded_run(
            name, saved.config, model, head, device, smallest, samples, packed, stem, with_rest
        )

    named = list(zip(_names([run, *compared]), [run, *compared], strict=True))
    with_references = [
        encoded(with_reference(name), saved, saved.trained(), with_rest=True)
        for name, saved in named
        if saved.plan.encoder.has_reference
    ]
    return Request(
        run=encoded(named[0][0], run, run.trained()),
        untrained=encoded(UNTRAINED, run, run.untrained()),
        compared=[*with_references, *(encoded(n, each, each.trained()) for n, each in named[1:])],
        au_names=run.au_names,
        factors=factors,
        expressions=find_expressions(test, pairs),
        networks=_networks(arguments, run, dataset, train, device),
        seed=arguments.seed,
        notes=(
            *dataset.notes,
            *notes,
            *more,
            *trained_elsewhere(arguments, dataset, run, *compared),
        ),
    )


def _networks(
    arguments: argparse.Namespace,
    run: "SavedModel",
    dataset: "Dataset",
    train: "FrameSet",
    device: "torch.device",
) -> "ReferenceNetworks":
    """The reference networks; the classifier is trained on the frames ``train``."""
    from audetnet.disentangling.identity_embedding import reference_networks
    from audetnet.disentangling.reference_classifier import trained_classifier
    from audetnet.training.frames_of_run import packed_frames

    cache, smallest = cache_of(arguments), dataset.active_from
    packed = packed_frames(run, dataset, cache, arguments.check_cache)
    pixels = packed.gather(packed.rows(train.ids))
    return reference_networks(
        trained_classifier(train, pixels, smallest, cache, device, arguments.seed)
    )


def _names(saved: "list[SavedModel]") -> list[str]:
    """The shortest names that distinguish the runs."""
    for found in (
        [model.reports.resolve().name for model in saved],
        [str(model.root) for model in saved],
        [str(model.path) for model in saved],
    ):
        if len(set(found)) == len(found):
            return found
    raise UserError(f"{saved[0].path}: --compare names a run twice")


def _default_directory(run: "SavedModel") -> Path:
    from audetnet.training.logs import RunDirectory

    if run.path == RunDirectory(run.root).latest:
        return run.reports / "disentangling"
    return run.reports / f"disentangling-{run.path.stem}"


def _heading(arguments: argparse.Namespace, request: "Request", run: "SavedModel") -> "Heading":
    import torch

    import audetnet
    from audetnet.disentangling.report import Heading

    own = request.run
    facts = {
        "run": str(run.path),
        "cfg": str(run.config.path),
        "epochs trained": str(run.epochs),
        "data": str(arguments.data) + (f", fold {arguments.fold}" if arguments.fold else ""),
        **{
            f"{frames.name} sample": f"{counted(len(frames), 'frame')} of "
            + counted(len(set(frames.subjects)), "person", "people")
            for frames in (own.train, own.test)
        },
        "code": f"z1 {counted(run.plan.z1_channels, 'channel')}, z2 "
        f"{run.plan.code_channels - run.plan.z1_channels}",
        "identity judge (row 8)": request.networks.person.embedder_name,
        "same expression (row 10)": str(request.expressions),
        "seed": str(arguments.seed),
        "versions": f"AUDetNet {audetnet.__version__}, torch {torch.__version__}",
    }
    return Heading(f"What z1 and z2 know: {own.name}", tuple(facts.items()))
