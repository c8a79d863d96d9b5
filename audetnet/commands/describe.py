"""``audetnet describe``: the networks of a cfg file as tables."""

import argparse
from pathlib import Path

from audetnet.commands.dataset_flags import add_dataset_flags, dataset_of
from audetnet.console.arguments import command_parser
from audetnet.console.lines import note, say
from audetnet.errors import exit_status

_PROGRAM = "audetnet describe"
_DEFAULT_FRAME_SIZE = (256, 256)
"""Assumed if neither the cfg nor the data define it: the usual size of DISFA and BP4D crops."""


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Print each network of a cfg file as a table: block, type, inputs, output shape, "
        "parameters, GFLOP per image.",
        f"  {_PROGRAM} --cfg cfg/minimal.cfg",
    )
    flags.add_argument("--cfg", type=Path, required=True, help="architecture and options")
    height, width = _DEFAULT_FRAME_SIZE
    flags.add_argument(
        "--data",
        type=Path,
        help="dataset directory, for the frame size if the cfg has no image_size "
        f"(default: none, which assumes {height}x{width} pixels)",
    )
    add_dataset_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: describe(arguments))


def describe(arguments: argparse.Namespace) -> int:
    """Print the networks of ``--cfg`` for frames of ``--data``; 0. Raises UserError."""
    from audetnet.config.reader import read_config
    from audetnet.networks.description import describe as tables
    from audetnet.networks.model_plan import plan_model
    from audetnet.vocabulary import VOCABULARY

    config = read_config(arguments.cfg, VOCABULARY)
    size = config.data.frame_size
    if size is None and arguments.data is not None:
        size = dataset_of(arguments, config.data).first_image_size()
    assumed: tuple[str, ...] = ()
    if size is None:
        size = _DEFAULT_FRAME_SIZE
        frames = f"{size[0]}x{size[1]}"
        assumed = (f"{arguments.cfg}: no image_size and no --data: assuming frames of {frames}",)
    model = plan_model(config, size)
    for line in (*assumed, *config.warnings, *model.warnings):
        note(line)
    say(tables(model))
    return 0
