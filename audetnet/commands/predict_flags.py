"""The command line of ``audetnet predict``."""

import argparse
from pathlib import Path

from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import above_zero, command_parser, positive
from audetnet.errors import UserError
from audetnet.faces.sources import DETECTORS
from audetnet.prediction.reference_choice import FORMS, ReferenceChoice, parse_reference
from audetnet.recogniser import NAME

_PROGRAM = "audetnet predict"
_EXAMPLE = f"""  {_PROGRAM} photo.jpg
  {_PROGRAM} runs/small_96 photos clip.mp4 --out aus.csv --draw drawn
Run the same command again to resume."""
_BATCH = 32


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Recognise the AUs of all faces in images and videos: one row per face, and one per frame "
        "without a face.",
        _EXAMPLE,
    )
    flags.add_argument(
        "paths",
        nargs="+",
        metavar="[RUN ...] PATH",
        help="run directories (their reported epoch is used), checkpoints or exported .onnx files, "
        f"averaged if there are several (default: {NAME}, the shipped network); then images, "
        "videos, folders (searched recursively) or patterns such as 'clips/*.mp4'",
    )
    flags.add_argument(
        "--out",
        type=Path,
        default=Path("predictions.csv"),
        metavar="FILE",
        help="table to write, .csv or .parquet (default: predictions.csv)",
    )
    flags.add_argument("--overwrite", action="store_true", help="start over if FILE exists")
    flags.add_argument(
        "--codes",
        type=Path,
        metavar="FILE",
        help="also write z1 and z2 of every face, .parquet (default: none)",
    )
    flags.add_argument(
        "--draw",
        type=Path,
        metavar="DIR",
        help="also write the images and videos with boxes and bars (default: none)",
    )
    _add_face_flags(flags)
    _add_reference_flags(flags)
    flags.add_argument(
        "--batch-size",
        type=positive,
        default=_BATCH,
        metavar="N",
        help=f"faces per batch (default: {_BATCH})",
    )
    add_device_flag(flags)
    return flags


def _add_face_flags(flags: argparse.ArgumentParser) -> None:
    faces = flags.add_argument_group("faces")
    faces.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="use only every N-th frame of a video (default: 1)",
    )
    faces.add_argument(
        "--faces",
        choices=("all", "largest"),
        default="all",
        help="which faces of a frame to use (default: all)",
    )
    faces.add_argument(
        "--aligned",
        action="store_true",
        help="the images are crops like those the run was trained on; skip face detection",
    )
    faces.add_argument(
        "--landmarks",
        choices=DETECTORS,
        help="detector (default: the run's, else facemesh)",
    )
    faces.add_argument(
        "--width-factor",
        type=above_zero,
        default=1.2,
        metavar="F",
        help="side of the crop relative to the width of the landmarks, as in create_dataset.frames "
        "(default: 1.2)",
    )
    faces.add_argument(
        "--height-factor",
        type=above_zero,
        default=1.3,
        metavar="F",
        help="the same relative to their height; the larger side is used (default: 1.3)",
    )


def _add_reference_flags(flags: argparse.ArgumentParser) -> None:
    references = flags.add_argument_group("person references")
    references.add_argument(
        "--reference",
        type=_reference,
        metavar="WHICH",
        help="subtract each person's neutral: the median over all frames of the person, an image "
        f"of the neutral face, or the first seconds of a video: {FORMS} (default: none)",
    )
    references.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="dataset directory of the run, which --reference needs if its cfg has no "
        "[person_reference] (default: none)",
    )


def _reference(text: str) -> ReferenceChoice | None:
    try:
        return parse_reference(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
