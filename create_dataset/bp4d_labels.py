"""``python -m create_dataset.bp4d_labels``: convert BP4D's AUCoding or text list to an AU table."""

import argparse
import dataclasses
import sys
from pathlib import Path

from audetnet.console.arguments import command_parser, names
from audetnet.data.metadata import read_metadata
from audetnet.errors import UserError, exit_status
from create_dataset.labels.au_columns import au_list
from create_dataset.labels.bp4d import BP4D, INTENSITY_AUS, read_coding, read_list
from create_dataset.labels.table import (
    Mistakes,
    add_table_flags,
    check_no_other_table,
    threshold,
    write_dataset,
)
from create_dataset.summary import Summary


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.bp4d_labels",
        "Write the AU table of BP4D from its folder AUCoding (AU_OCC/F001_T1.csv, columns by name; "
        "with --intensity, AU_INT/AU06/F001_T1_AU06.csv), or from a text file with lines such as "
        "'F001/T1/2440.jpg 0 1 0 ...' (one value for each of --aus). 9 becomes unknown.",
        "  python -m create_dataset.bp4d_labels BP4D/AUCoding bp4d",
    )
    flags.add_argument("labels", type=Path, metavar="LABELS", help="AUCoding, AU_OCC or a list")
    add_table_flags(flags)
    flags.add_argument("--aus", type=au_list, help="AUs to write (default: the usual 12, or 5)")
    flags.add_argument("--subjects", type=names, help="subjects to read (default: all)")
    flags.add_argument("--intensity", action="store_true", help="read AU_INT: intensities 0 to 5")
    flags.add_argument(
        "--threshold",
        type=threshold,
        help="smallest active intensity, stored in dataset.json (default: 2)",
    )
    return flags


def _run(arguments: argparse.Namespace) -> int:
    check_no_other_table(arguments.out, arguments.format)
    summary = Summary()
    metadata = read_metadata(BP4D)
    if arguments.intensity:
        metadata = dataclasses.replace(metadata, kind="intensity", aus=INTENSITY_AUS)
    if arguments.aus:
        metadata = dataclasses.replace(metadata, aus=arguments.aus)
    if arguments.threshold is not None:
        metadata = dataclasses.replace(metadata, threshold=arguments.threshold)
    labels, subjects, mistakes = arguments.labels, arguments.subjects, Mistakes()
    if labels.is_file():
        table = read_list(labels, metadata, subjects, mistakes)
    elif labels.is_dir():
        table = read_coding(labels, metadata, subjects, mistakes, summary)
    else:
        raise UserError(f"{labels}: no such file or directory; expected BP4D's AUCoding or a list")
    mistakes.check()
    write_dataset(table, arguments.out, arguments.format, summary)
    summary.show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
