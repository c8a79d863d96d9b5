"""``python -m create_dataset.check``: find everything that training would stumble on, in one pass.

``--json`` prints one object:

    directory   the dataset directory
    errors      number of findings that make training fail or mislead; above 0 the exit status is 1
    warnings    number of findings to look at
    findings    [{severity: error | warning | info, code, message, count, first: [names]}]
    cache       [{array, frames, damaged}]: packed frames, or a frozen stem's outputs for frames and
                views of them, and how many have changed since they were packed
    images      {folder, files, readable, sizes: {HEIGHTxWIDTH: files}}, null if there is no folder
    labels      {table, frames, kind, kind_is_said, active_from, aus: [AU]}, null if unreadable
    sets        [{fold (null: the plain split), set, path, ids, frames, subjects: {name: frames},
                aus: [AU]}]; frames are those that training reads, each counted once

where an AU is {au, known, active, rate}; its rate is null if no label is known.
"""

import argparse
import json
import sys
from pathlib import Path

from audetnet.console.arguments import command_parser
from audetnet.console.lines import say
from audetnet.errors import UserError, exit_status

EXIT_ERRORS = 1


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status: 0 no errors, 1 training would fail or mislead, 2
    wrong command.
    """
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.check",
        "Read every file of a dataset directory once and report what training would stumble on: "
        "unreadable or odd-sized images, ids without image or label, the same images, frames or "
        "subjects in two sets (in every fold), labels from which nothing can be learnt, packed "
        "frames in the cache that have changed since they were packed. Exit status: 0 no errors, 1 "
        "training would fail or mislead, 2 wrong command.",
        "  python -m create_dataset.check minimal_dataset",
    )
    flags.add_argument("directory", type=Path, metavar="DIR", help="dataset directory")
    flags.add_argument("--images", default="imgs", help="folder of images (default: imgs)")
    flags.add_argument("--labels", metavar="FILE", help="AU table (default: the one in DIR)")
    flags.add_argument(
        "--cache", type=Path, metavar="DIR", help="where the packed frames are (default: DIR/cache)"
    )
    flags.add_argument(
        "--resized",
        action="store_true",
        help="the cfg sets image_size, so images may differ in size",
    )
    flags.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return flags


def _run(arguments: argparse.Namespace) -> int:
    from create_dataset.checking.checks import run_checks
    from create_dataset.checking.evidence import read_evidence
    from create_dataset.checking.facts import collect_facts, facts_text
    from create_dataset.checking.findings import lines, verdict

    directory = arguments.directory
    cache = directory / "cache" if arguments.cache is None else arguments.cache
    if arguments.cache is not None and not cache.is_dir():
        raise UserError(f"--cache {cache}: no such directory")
    evidence = read_evidence(
        directory, arguments.images, arguments.labels, arguments.resized, cache
    )
    findings = run_checks(evidence)
    facts = collect_facts(evidence)
    errors = sum(finding.severity == "error" for finding in findings)
    if arguments.json:
        warnings = sum(finding.severity == "warning" for finding in findings)
        data = [finding.as_data() for finding in findings]
        say(json.dumps({**facts, "errors": errors, "warnings": warnings, "findings": data}))
    else:
        say("\n".join([facts_text(facts), "", *lines(findings), verdict(findings)]))
    return EXIT_ERRORS if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
