"""``audetnet export``: a run as a single file to use elsewhere."""

import argparse
from pathlib import Path

from audetnet.commands.dataset_flags import add_run_argument
from audetnet.console.arguments import command_parser
from audetnet.console.lines import counted, say
from audetnet.errors import UserError, exit_status

_PROGRAM = "audetnet export"
_EXAMPLE = f"""  {_PROGRAM} runs/small_96 --to onnx --crops faces/imgs
  audetnet predict runs/small_96/small_96.onnx photos
  {_PROGRAM} runs/small_96 --to checkpoint --data faces --out small_96.pt"""
_SUFFIXES = {"onnx": ".onnx", "pt2": ".pt2", "checkpoint": ".pt"}
_MAX_CROPS = 16
_SHIPPED_CROPS = Path(__file__).parents[2] / "minimal_dataset" / "imgs"


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Write the encoder and AUPredictor of a run as one network: uint8 crops (batch, height, "
        "width, 3) in, AUs out, as probabilities (0-1) or intensities (0-5). Its outputs are "
        "compared with the original's before the file is kept. Or write everything that predict "
        "and --init need from a run as a standalone checkpoint.",
        _EXAMPLE,
    )
    add_run_argument(flags)
    flags.add_argument(
        "--to",
        choices=tuple(_SUFFIXES),
        default="onnx",
        help="onnx, which runs without torch; pt2 (torch.export); or checkpoint, which predict, "
        "evaluate and --init accept like a run (default: onnx)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write (default: RUN/RUNNAME.onnx, .pt2 or .pt)",
    )
    flags.add_argument(
        "--crops",
        type=Path,
        default=_SHIPPED_CROPS,
        metavar="DIR",
        help="face crops for the comparison with the original (default: those of minimal_dataset; "
        f"at most {_MAX_CROPS} are used)",
    )
    flags.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="dataset directory of the run: the checkpoint then includes the mean neutral of its "
        "training people, so that predict --reference does not need the dataset (default: none)",
    )
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> int:
    run: Path = arguments.run
    suffix = _SUFFIXES[arguments.to]
    folder = run if run.is_dir() else run.parent
    name = run.resolve().name if run.is_dir() else run.stem
    out: Path = arguments.out or folder / f"{name}{suffix}"
    if out.suffix != suffix:
        raise UserError(f"--out {out}: expected a file ending in {suffix}")
    if arguments.to == "checkpoint":
        return _export_checkpoint(run, arguments.data, out)
    if arguments.data is not None:
        raise UserError("--data: can only be used with --to checkpoint")
    return _export_network(arguments, out)


def _export_checkpoint(run: Path, dataset: Path | None, out: Path) -> int:
    import torch

    from audetnet.prediction.portable import write_portable
    from audetnet.prediction.trained_model import TrainedModel

    model = TrainedModel(run, torch.device("cpu"), dataset)
    if out.exists() and out.samefile(model.info.path):
        raise UserError(f"--out {out}: is the checkpoint to export; name another file")
    if dataset is not None:
        model.prepare_neutral()
    write_portable(model.saved, model.training_level, out)
    contents = (
        "its thresholds" if model.training_level is None else "its thresholds and mean neutral"
    )
    say(f"{out}: {counted(len(model.info.au_names), 'AU')}, {model.info.kind}, with {contents}")
    return 0


def _export_network(arguments: argparse.Namespace, out: Path) -> int:
    import numpy as np
    import torch

    from audetnet.data.images import find_images, read_upright, resized
    from audetnet.prediction.exporting import TOLERANCE, check_installed, export
    from audetnet.prediction.trained_model import TrainedModel

    check_installed(arguments.to, out)
    model = TrainedModel(arguments.run, torch.device("cpu"))
    paths = [path for _, path in sorted(find_images(arguments.crops).items())][:_MAX_CROPS]
    if not paths:
        raise UserError(f"--crops {arguments.crops}: contains no images")
    size = model.info.frame_size
    crops = np.stack([resized(read_upright(path), size) for path in paths])
    difference = export(model, arguments.to, out, crops)
    say(
        f"{out}: {counted(len(model.info.au_names), 'AU')}, {model.info.kind}; on "
        f"{counted(len(crops), 'crop')} its AUs differ from the original's by at most "
        f"{difference.aus:.1e}, its codes by {difference.codes:.1e} (limit {TOLERANCE:.0e})"
    )
    return 0
