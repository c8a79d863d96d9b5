"""``audetnet export``: a run's encoder and AUPredictor as a file that runs elsewhere."""

import argparse
from pathlib import Path

from audetnet.console.arguments import command_parser
from audetnet.console.lines import counted, say
from audetnet.errors import UserError, exit_status

_PROGRAM = "audetnet export"
_EXAMPLE = f"""  {_PROGRAM} runs/small_96 --to onnx --crops faces/imgs
  audetnet predict runs/small_96/small_96.onnx photos"""
_MOST_CROPS = 16
_SHIPPED = Path(__file__).parents[2] / "minimal_dataset" / "imgs"


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Write encoder and AUPredictor of a run as one network: uint8 crops (batch, height, "
        "width, 3) in, AUs out, as probabilities (0-1) or intensities (0-5). What it says is "
        "compared with the original before the file is kept.",
        _EXAMPLE,
    )
    flags.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="run directory (the epoch that it reports), or checkpoint",
    )
    flags.add_argument(
        "--to",
        choices=("onnx", "pt2"),
        default="onnx",
        help="onnx, which runs without torch, or torch.export's pt2 (default: onnx)",
    )
    flags.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (default: RUN/RUNNAME.onnx or .pt2)"
    )
    flags.add_argument(
        "--crops",
        type=Path,
        default=_SHIPPED,
        metavar="DIR",
        help="face crops on which it is compared with the original (default: those of "
        f"minimal_dataset, at most {_MOST_CROPS})",
    )
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> int:
    import numpy as np
    import torch

    from audetnet.data.images import find_images, read_upright, resized
    from audetnet.prediction.exporting import TOLERANCE, check_installed, export
    from audetnet.prediction.trained_model import TrainedModel

    run: Path = arguments.run
    suffix = f".{arguments.to}"
    folder = run if run.is_dir() else run.parent
    name = run.resolve().name if run.is_dir() else run.stem
    out: Path = arguments.out or folder / f"{name}{suffix}"
    if out.suffix != suffix:
        raise UserError(f"--out {out}: expected a file ending in {suffix}")
    check_installed(arguments.to, out)
    model = TrainedModel(run, torch.device("cpu"))
    paths = [path for _, path in sorted(find_images(arguments.crops).items())][:_MOST_CROPS]
    if not paths:
        raise UserError(f"--crops {arguments.crops}: no image there")
    size = model.facts.frame_size
    crops = np.stack([resized(read_upright(path), size) for path in paths])
    difference = export(model, arguments.to, out, crops)
    say(
        f"{out}: {counted(len(model.facts.au_names), 'AU')}, {model.facts.kind}; on "
        f"{counted(len(crops), 'crop')} its AUs differ from the original's by at most "
        f"{difference.aus:.1e}, its codes by {difference.codes:.1e} (limit {TOLERANCE:.0e})"
    )
    return 0
