"""``audetnet confounded``: cfgs trained where an AU goes with a factor, tested where not."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.commands.dataset_flags import add_dataset_flags, cache_of, dataset_for, paths_of
from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import command_parser, positive
from audetnet.console.lines import say
from audetnet.errors import EXIT_USER_ERROR, UserError, exit_status
from audetnet.files.lock import locked
from audetnet.machine.devices import select_device

if TYPE_CHECKING:
    import torch

    from audetnet.config.options import Config
    from audetnet.data.frames import Dataset, DatasetPaths
    from audetnet.data.ids import IdFiles
    from audetnet.evaluation.metrics import Array
    from audetnet.results.confounding import Line
    from audetnet.results.tied_sets import Tie, TiedSets
    from audetnet.results.trainings import Training

_PROGRAM = "audetnet confounded"
_EXAMPLE = f"""  {_PROGRAM} --data faces --cfg plain.cfg even.cfg --tie AU4:light_x --out ties
DATA has a factors.csv and validation people. The same command goes on where it was stopped."""
_BUSY = "another process trains there; wait for it, or choose another directory with --out"
_STRENGTHS = (0.0, 0.8, 0.95)


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Train cfgs on frames in which an AU goes with a factor, and test them on other people in "
        "whom it goes with it as in the training, not at all, and the other way round.",
        _EXAMPLE,
    )
    flags.add_argument("--data", type=Path, required=True, help="dataset directory")
    flags.add_argument(
        "--cfg",
        type=Path,
        nargs="+",
        required=True,
        help="architectures and options; the first is what the others are compared with",
    )
    flags.add_argument(
        "--tie",
        type=_tie,
        required=True,
        metavar="AU:FACTOR",
        help="the AU, and a column of factors.csv",
    )
    flags.add_argument(
        "--strengths",
        type=strengths,
        default=_STRENGTHS,
        help="Goodman and Kruskal's gamma of each training, at least 0 and below 1 (default: "
        "0,0.8,0.95)",
    )
    flags.add_argument(
        "--seeds", type=positive, default=1, help="trainings of each cfg and strength (default: 1)"
    )
    flags.add_argument("--out", type=Path, required=True, help="where to write")
    add_device_flag(flags)
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _confounded(arguments))


def _confounded(arguments: argparse.Namespace) -> int:
    study = Study(
        paths=paths_of(arguments),
        tie=arguments.tie,
        strengths=arguments.strengths,
        seeds=dict.fromkeys(arguments.cfg, arguments.seeds),
        out=arguments.out,
        device=arguments.device,
        cache=cache_of(arguments),
    )
    with locked(study.out, _BUSY):
        return carried_out(study)


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is trained: ``seeds`` is how many times each cfg, the first to be compared with."""

    paths: "DatasetPaths"
    tie: "Tie"
    strengths: Sequence[float]
    seeds: Mapping[Path, int]
    out: Path
    device: str
    cache: Path | None


def carried_out(study: Study) -> int:
    """Train what is not finished, and write OUT/confounded.csv and .md; returns the exit status of
    the command. Raises UserError.
    """
    from audetnet.config.reader import read_config
    from audetnet.results.tied_predictions import ENDINGS, tied_scores
    from audetnet.results.tied_sets import kept_lists, tied_sets
    from audetnet.results.trainings import check_finished, is_finished, run_trainings
    from audetnet.vocabulary import VOCABULARY

    configs = {path: read_config(path, VOCABULARY) for path in study.seeds}
    if len({path.stem for path in configs}) < len(study.seeds):
        raise UserError("--cfg: two files of one name, by which the rows of the table are called")
    first, *_ = configs.values()
    whole = dataset_for(study.paths, first.data)
    sets = tied_sets(whole, study.paths.directory, study.tie, study.strengths)
    for each in sets:
        reached = ", ".join(f"{name} {gamma:.3f}" for name, gamma in each.achieved.items())
        say(f"{study.tie} at {each.strength:g}: {len(each.train)} training frames; gamma {reached}")
    lists = kept_lists(study.out, sets, whole.test)
    device = select_device(study.device)
    scores: dict[float, dict[str, list[Array]]] = {strength: {} for strength in lists}
    for path, config in configs.items():
        datasets = {
            f"{s:g}": dataset_for(replace(study.paths, ids=ids), config.data)
            for s, ids in lists.items()
        }
        trainings = list(_trainings(study, path, lists))
        epochs = config.training.max_epochs
        check_finished(trainings, config, datasets)
        if not all(is_finished(one.run, epochs) for one in trainings):
            _compute_stem(study, config, device)
        outcome = run_trainings(trainings, [str(device)], _start, epochs)
        if outcome != "finished":
            say(f"a training {outcome}; run the same command again to resume")
            return 0 if outcome == "stopped" else EXIT_USER_ERROR
        for one in trainings:
            found = tied_scores(one, datasets[one.fold], study.tie.au, device, study.cache)
            for ending, row in zip(ENDINGS, found, strict=False):
                scores[float(one.fold)].setdefault(f"{path.stem}{ending}", []).append(row)
    _report(study, whole, sets, scores)
    return 0


def _trainings(study: Study, cfg: Path, lists: "Mapping[float, IdFiles]") -> "Iterator[Training]":
    from audetnet.results.trainings import Training

    paths = study.paths
    flags = ["--cfg", cfg, "--data", paths.directory, "--images", paths.images, "--save-every", 0]
    flags += ["--cache", study.cache or "off"]
    if paths.labels is not None:
        flags += ["--labels", paths.labels]
    for strength, ids in lists.items():
        named = ["--train-ids", ids.train, "--test-ids", ids.test, "--validation-ids"]
        for seed in range(study.seeds[cfg]):
            run = study.out / "runs" / f"{cfg.stem}-tie-{strength:g}-seed-{seed}"
            own = (*flags, *named, ids.validation, "--run", run, "--seed", seed)
            yield Training(
                kind="tie",
                fold=f"{strength:g}",
                seed=seed,
                run=run,
                flags=tuple(map(str, own)),
            )


def _start(training: "Training", device: str) -> int:
    from audetnet.commands import train

    return train.main([*training.flags, "--device", device])


def _compute_stem(study: Study, config: "Config", device: "torch.device") -> None:
    """Decode all frames, and compute what a frozen stem makes of them, once for all strengths."""
    from audetnet.data.cache import pack_frames
    from audetnet.data.stem_outputs import pack_stem_outputs
    from audetnet.networks.frozen_stem import frozen_stem
    from audetnet.networks.model import build_model
    from audetnet.networks.model_plan import plan_model

    if study.cache is None:
        return
    whole = dataset_for(study.paths, config.data)
    size = config.data.frame_size or whole.first_image_size()
    resize = config.data.frame_size is not None
    packed = pack_frames(whole.images(), size, resize, study.cache)
    if config.data.stem_views is not None:
        plan = plan_model(config, size)
        model = build_model(plan, config.data, 0)
        model.load_pretrained()
        stem = frozen_stem(model.to(device).eval(), plan, device)
        pack_stem_outputs(stem, packed, whole, config.data.stem_views, study.cache)


def _report(
    study: Study,
    whole: "Dataset",
    sets: "Sequence[TiedSets]",
    scores: "Mapping[float, Mapping[str, Sequence[Array]]]",
) -> None:
    import numpy as np

    from audetnet.data.metadata import subject_indices
    from audetnet.files.atomic import write_text
    from audetnet.files.csv import write_csv
    from audetnet.labels import active
    from audetnet.results.confounding import lines, sheet, table
    from audetnet.results.sheet import markdown, sheet_text

    labels = active(whole.test.labels, whole.active_from)[:, whole.au_names.index(study.tie.au)]
    person = subject_indices(whole.test.subjects)
    found: list[Line] = []
    for each in sets:
        stacked = {name: np.stack(own) for name, own in scores[each.strength].items()}
        own = lines(each.strength, stacked, labels.astype(np.float64), person, each.tests)
        found.extend(own)
    shown = sheet(study.tie, found)
    write_csv(study.out / "confounded.csv", table(study.tie, found))
    write_text(study.out / "confounded.md", markdown(shown))
    say(f"\n{sheet_text(shown)}\n\n{shown.caption}")
    say(f"\ntables: {study.out / 'confounded.csv'}, {study.out / 'confounded.md'}")


def _tie(text: str) -> "Tie":
    from audetnet.results.tied_sets import Tie

    au, colon, factor = text.partition(":")
    if not (colon and au and factor):
        raise argparse.ArgumentTypeError(f"expected AU:FACTOR, such as AU4:light_x, not '{text}'")
    return Tie(au, factor)


def strengths(text: str) -> tuple[float, ...]:
    """Of ``0,0.8,0.95``, in their order."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 <= each < 1 for each in found) or not max(found) > 0:
        raise argparse.ArgumentTypeError(
            f"expected numbers from 0 to below 1, one of them above 0, not '{text}'"
        )
    return tuple(sorted(set(found)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
