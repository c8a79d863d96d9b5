"""``python -m create_dataset.disfa_labels``: convert DISFA's ActionUnit_Labels to an AU table."""

import argparse
import sys
from pathlib import Path

from audetnet.console.arguments import command_parser, names
from audetnet.errors import exit_status
from audetnet.labels import ACTIVE_INTENSITY
from create_dataset.labels.au_columns import au_list
from create_dataset.labels.disfa import FOLDER, read_disfa
from create_dataset.labels.table import (
    add_scale_flags,
    add_table_flags,
    check_no_other_table,
    write_dataset,
)
from create_dataset.summary import Summary


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.disfa_labels",
        f"Write the AU table of DISFA from its folder {FOLDER} (SN001/SN001_au1.txt ...), with "
        "frame ids SN001_0 ... (counted from 0, like the frames of the videos).",
        "  python -m create_dataset.disfa_labels DISFA/ActionUnit_Labels disfa",
    )
    flags.add_argument("labels", type=Path, metavar="LABELS", help=f"{FOLDER}, or DISFA's folder")
    add_table_flags(flags)
    flags.add_argument(
        "--aus",
        type=au_list,
        help="AUs to write (default: all 12); detection uses 1,2,4,6,9,12,25,26",
    )
    flags.add_argument("--subjects", type=names, help="subjects to read (default: all)")
    add_scale_flags(flags, ACTIVE_INTENSITY)
    return flags


def _run(arguments: argparse.Namespace) -> int:
    check_no_other_table(arguments.out, arguments.format)
    summary = Summary()
    table = read_disfa(
        arguments.labels, arguments.aus, arguments.subjects, arguments.threshold, summary
    )
    if arguments.occurrence:
        table = table.as_occurrence()
    write_dataset(table, arguments.out, arguments.format, summary)
    summary.show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
