"""``python -m create_dataset.render``: render a dataset of faces with known AUs and factors."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.console.arguments import command_parser, fraction, natural, positive
from audetnet.errors import UserError, did_you_mean, exit_status

if TYPE_CHECKING:
    from create_dataset.rendering.request import Range, Request, Tie

_EXAMPLE = """  python -m create_dataset.render faces --people 200 --frames 60
  python -m create_dataset.render tied --people 60 --au-rate AU12=0.3 --correlate AU12:skin_tone=0.9
  python -m create_dataset.render pairs --same-expression 50 --frames 20 --no-wrinkles"""
_SMALLEST, _LARGEST = 16, 1024
_MOST_RATE = 0.9
_RANGES = ("yaw", "pitch", "roll", "light_x", "light_y")
_SHEET = "contact_sheet.png"


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.render",
        "Render a dataset directory: faces whose action units, pose, light and skin are known, "
        "because they were chosen (docs/faces.md). The same flags give the same files, whatever "
        "the number of processes; to resume a run that was stopped, run the same command again. "
        "Needs numba: pip install -e '.[render]'.",
        _EXAMPLE,
    )
    flags.add_argument("out", type=Path, metavar="OUT", help="dataset directory to write to")
    flags.add_argument("--people", type=positive, help="number of people (default: 200)")
    flags.add_argument("--frames", type=positive, default=60, help="per person (default: 60)")
    flags.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="K",
        help="keep one frame in K, so that those of a person differ more (default: 1)",
    )
    flags.add_argument("--size", type=positive, default=96, help="side in pixels (default: 96)")
    flags.add_argument("--seed", type=natural, default=0, help="random seed (default: 0)")
    flags.add_argument("--workers", type=positive, help="processes (default: one per core)")
    flags.add_argument(
        "--sheet", type=Path, help=f"contact sheet, png or jpg (default: OUT/{_SHEET})"
    )
    sets = flags.add_argument_group("sets of people")
    sets.add_argument("--test", type=fraction, default=0.25, help="to test on (default: 0.25)")
    sets.add_argument(
        "--validation",
        type=_fraction_or_zero,
        default=0.15,
        help="of the rest, to validate on; 0: none (default: 0.15)",
    )
    _add_control(flags)
    paired = flags.add_argument_group("paired sets").add_mutually_exclusive_group()
    paired.add_argument(
        "--same-expression",
        type=positive,
        metavar="N",
        help="N people make the same faces in the same pose and light (instead of --people)",
    )
    paired.add_argument(
        "--same-person",
        type=positive,
        metavar="N",
        help="show each of the --frames expressions of a person under N lights",
    )
    return flags


def _add_control(flags: argparse.ArgumentParser) -> None:
    flags.add_argument(
        "--varied",
        action="store_true",
        help="vary like photographs: light, background, camera, blur, compression, glasses, hair "
        "and clothes change from picture to picture; heads turn farther",
    )
    control = flags.add_argument_group("what the faces do")
    control.add_argument(
        "--aus",
        choices=("usual", "all"),
        default="usual",
        help="AUs to label: the usual 12, or all that can be rendered (default: usual)",
    )
    control.add_argument(
        "--au-rate",
        action="append",
        default=[],
        metavar="AU12=0.3",
        help="share of frames in which an AU is active, or 'all=0.3' (default: as in DISFA)",
    )
    control.add_argument(
        "--intensity",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="peak intensities of expressions (default: 1.6 5)",
    )
    control.add_argument(
        "--correlate",
        action="append",
        default=[],
        metavar="AU12:skin_tone=0.9",
        help="correlate an AU with a factor (a column of factors.csv, or identity_group): Goodman "
        "and Kruskal's gamma between 'the AU is active' and the factor, from -1 to 1",
    )
    control.add_argument(
        "--no-wrinkles", action="store_true", help="only the shape changes, skin does not fold"
    )
    for name in _RANGES:
        control.add_argument(
            f"--{name.replace('_', '-')}",
            nargs=2,
            type=float,
            metavar=("LOW", "HIGH"),
            help="degrees" if name in _RANGES[:3] else "component of the unit vector to the light",
        )


def _run(arguments: argparse.Namespace) -> int:
    from create_dataset.rendering.contact_sheet import SHEET_FORMATS
    from create_dataset.rendering.dataset import render_dataset
    from create_dataset.worker_pool import default_workers

    sheet = arguments.sheet or arguments.out / _SHEET
    if sheet.suffix.lower() not in SHEET_FORMATS:
        raise UserError(f"--sheet {sheet}: expected a name that ends in .png or .jpg")
    request = _request(arguments)
    render_dataset(arguments.out, request, arguments.workers or default_workers(), sheet)
    return 0


def _request(arguments: argparse.Namespace) -> "Request":
    """The checked flags. Raises UserError."""
    from create_dataset.rendering.request import (
        PEAKS,
        RANGES,
        VARIED_RANGES,
        WIDEST,
        Range,
        Request,
    )

    if arguments.same_expression and arguments.people:
        raise UserError("--same-expression sets the number of people; leave out --people")
    if (arguments.same_expression or arguments.same_person) and arguments.correlate:
        raise UserError("--correlate: frames of a paired set cannot be swapped; leave one out")
    if arguments.same_person and arguments.varied:
        raise UserError("--same-person: only the light may differ; leave out --varied")
    people = arguments.same_expression or arguments.people or 200
    if people < 2:
        raise UserError("--people: expected at least 2, one to train on and one to test on")
    if not _SMALLEST <= arguments.size <= _LARGEST:
        raise UserError(f"--size: expected {_SMALLEST} to {_LARGEST} pixels, not {arguments.size}")
    rates = _rates(arguments.au_rate, arguments.aus == "all")
    ranges: dict[str, Range] = dict(VARIED_RANGES if arguments.varied else RANGES)
    for name in _RANGES:
        if asked := getattr(arguments, name):
            ranges[name] = _range(f"--{name.replace('_', '-')}", asked, WIDEST[name])
    peaks = arguments.intensity
    return Request(
        people=people,
        frames=arguments.frames,
        every=arguments.every,
        size=arguments.size,
        seed=arguments.seed,
        test=arguments.test,
        validation=arguments.validation,
        rates=rates,
        peaks=_range("--intensity", peaks, Range(0, 5)) if peaks else PEAKS,
        ties=tuple(_ties(arguments.correlate, tuple(rates))),
        ranges=ranges,
        same_expression=arguments.same_expression is not None,
        lights=arguments.same_person or 1,
        wrinkles=not arguments.no_wrinkles,
        varied=arguments.varied,
    )


def _rates(given: Sequence[str], all_aus: bool) -> dict[str, float]:
    from create_dataset.rendering.request import DEFAULT_RATES, MORE_RATES

    rates = {**DEFAULT_RATES, **(MORE_RATES if all_aus else {})}
    for text in given:
        name, _, number = text.partition("=")
        rate = _number(number)
        if not 0 <= rate <= _MOST_RATE:
            raise UserError(
                f"--au-rate {text}: expected AU=RATE with a rate from 0 to {_MOST_RATE}"
            )
        if name != "all" and name not in rates:
            raise UserError(f"--au-rate {text}: no such AU{did_you_mean(name, [*rates, 'all'])}")
        rates.update(dict.fromkeys(rates, rate) if name == "all" else {name: rate})
    return rates


def _ties(given: Sequence[str], names: tuple[str, ...]) -> list["Tie"]:
    from create_dataset.rendering.plan import FACTORS, GROUP
    from create_dataset.rendering.request import Tie

    ties: list[Tie] = []
    for text in given:
        pair, _, number = text.partition("=")
        au, _, factor = pair.partition(":")
        strength = _number(number)
        if not -1 <= strength <= 1:
            raise UserError(
                f"--correlate {text}: expected AU:FACTOR=GAMMA with a gamma from -1 to 1"
            )
        for name, known in ((au, names), (factor, (*FACTORS, GROUP))):
            if name not in known:
                raise UserError(f"--correlate {text}: no '{name}'{did_you_mean(name, known)}")
        if au in (tie.au for tie in ties):
            raise UserError(f"--correlate {text}: {au} is already tied; an AU can have one tie")
        ties.append(Tie(au, factor, strength))
    return ties


def _range(flag: str, asked: Any, widest: "Range") -> "Range":
    low, high = asked
    if not widest.low <= low <= high <= widest.high:
        raise UserError(
            f"{flag} {low:g} {high:g}: expected two numbers from {widest.low:g} to "
            f"{widest.high:g}, the lower one first"
        )
    return type(widest)(low, high)


def _number(text: str) -> float:
    """NaN, which lies in no range, for anything but a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _fraction_or_zero(text: str) -> float:
    return 0.0 if _number(text) == 0 else fraction(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
