"""``audetnet COMMAND``: the entry point of all commands. Imports only the module it runs."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from audetnet.console.arguments import command_parser


class Command(NamedTuple):
    """A module with ``main(argv) -> int``, and what it does."""

    module: str
    purpose: str


COMMANDS: Mapping[str, Command] = {
    "train": Command("audetnet.commands.train", "train a network on a dataset directory"),
    "describe": Command("audetnet.commands.describe", "print the networks of a cfg as tables"),
    "evaluate": Command("audetnet.commands.evaluate", "evaluate a run on whole datasets"),
    "cross-validate": Command(
        "audetnet.commands.cross_validate",
        "train and evaluate every fold, with one or several seeds",
    ),
    "confounded": Command(
        "audetnet.commands.confounded", "train where an AU goes with a factor, test where not"
    ),
    "predict": Command("audetnet.commands.predict", "recognise AUs in images and videos"),
    "export": Command("audetnet.commands.export", "export a run to ONNX or another portable file"),
    "baselines": Command(
        "audetnet.commands.baselines", "measure the baselines that a run should beat"
    ),
    "test-disentangling": Command(
        "audetnet.commands.disentangling", "measure what z1 and z2 of a run know"
    ),
}
"""By name, in the order of --help."""
_EXAMPLE = """  audetnet train --cfg cfg/minimal.cfg --data minimal_dataset
  audetnet COMMAND --help"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit status. ``argv``: without the program name (default:
    ``sys.argv``).
    """
    flags = command_parser(
        "audetnet", "Recognise facial Action Units in single RGB images.", _EXAMPLE
    )
    commands = flags.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.purpose, add_help=False)
    typed = sys.argv[1:] if argv is None else argv
    name = flags.parse_args(typed[:1]).command
    status: int = import_module(COMMANDS[name].module).main(typed[1:])
    return status


if __name__ == "__main__":
    sys.exit(main())
