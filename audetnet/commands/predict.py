"""``audetnet predict``: from images and videos to a table of AUs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.commands.device_flag import add_device_flag
from audetnet.console.arguments import above_zero, command_parser, positive
from audetnet.console.lines import counted, note, say
from audetnet.errors import UserError, exit_status
from audetnet.faces.sources import DETECTORS
from audetnet.machine.memory import keep_freed_memory
from audetnet.prediction.reference_choice import FORMS, reference_choice
from audetnet.recogniser import MODEL_CARD, NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audetnet.prediction.ensemble import Ensemble
    from audetnet.prediction.frames import Source
    from audetnet.prediction.observing import Observer
    from audetnet.prediction.parts import PredictionParts
    from audetnet.prediction.stream import RestOf

_PROGRAM = "audetnet predict"
_EXAMPLE = f"""  {_PROGRAM} photo.jpg
  {_PROGRAM} runs/small_96 photos clip.mp4 --out aus.csv --draw drawn
The same command goes on where it stopped."""
_BATCH = 32


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(
        _PROGRAM,
        "Recognise the AUs of all faces in images and videos: a row a face, and a row for every "
        "frame without one.",
        _EXAMPLE,
    )
    flags.add_argument(
        "paths",
        nargs="+",
        metavar="[RUN ...] PATH",
        help="run directories (the epoch that each reports), checkpoints or exported .onnx files, "
        f"whose mean counts (default: {NAME}, the network that is shipped); then images, videos, "
        "folders of them (to any depth) or patterns such as 'clips/*.mp4'",
    )
    flags.add_argument(
        "--out",
        type=Path,
        default=Path("predictions.csv"),
        metavar="FILE",
        help="table to write, .csv or .parquet (default: predictions.csv)",
    )
    flags.add_argument("--overwrite", action="store_true", help="begin anew where FILE is there")
    flags.add_argument(
        "--codes",
        type=Path,
        metavar="FILE",
        help="write z1 and z2 of every face as well, .parquet (default: none)",
    )
    flags.add_argument(
        "--draw",
        type=Path,
        metavar="DIR",
        help="write the images and videos with boxes and bars as well (default: none)",
    )
    _add_face_flags(flags)
    _add_reference_flags(flags)
    flags.add_argument(
        "--batch-size",
        type=positive,
        default=_BATCH,
        metavar="N",
        help=f"faces that go through the network at a time (default: {_BATCH})",
    )
    add_device_flag(flags)
    return flags


def _add_face_flags(flags: argparse.ArgumentParser) -> None:
    faces = flags.add_argument_group("which faces")
    faces.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="every N-th frame of a video (default: 1)",
    )
    faces.add_argument(
        "--faces",
        choices=("all", "largest"),
        default="all",
        help="of each frame (default: all)",
    )
    faces.add_argument(
        "--aligned",
        action="store_true",
        help="the images are crops as the run was trained on: no face is sought",
    )
    faces.add_argument(
        "--landmarks",
        choices=DETECTORS,
        help="detector (default: that of the run, else facemesh)",
    )
    faces.add_argument(
        "--width-factor",
        type=above_zero,
        default=1.2,
        metavar="F",
        help="side of the crop, of the landmarks' width, as in create_dataset.frames (default: "
        "1.2)",
    )
    faces.add_argument(
        "--height-factor",
        type=above_zero,
        default=1.3,
        metavar="F",
        help="of their height; the longer of both is the crop's side (default: 1.3)",
    )


def _add_reference_flags(flags: argparse.ArgumentParser) -> None:
    rest = flags.add_argument_group("people at rest")
    rest.add_argument(
        "--reference",
        type=reference_choice,
        metavar="WHICH",
        help="what a person shows at rest is taken off: the median over all frames of that person, "
        f"an image, or the first seconds of a video: {FORMS} (default: none)",
    )
    rest.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="dataset directory of the run, which --reference needs where the cfg has no "
        "[person_reference] (default: none)",
    )


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_intermixed_args(argv)
    return exit_status(lambda: _predict(arguments))


def _predict(arguments: argparse.Namespace) -> int:
    from audetnet.faces.alignment import Alignment
    from audetnet.prediction.ensemble import Ensemble
    from audetnet.prediction.loading import load_models
    from audetnet.prediction.sources import find_sources

    keep_freed_memory()
    runs, paths = _parted(arguments.paths)
    _check_files(arguments, len(runs), paths)
    sources = find_sources(paths)
    if sources.skipped:
        note(f"{counted(sources.skipped, 'file')} of other kinds in these folders left out")
    _check_reference(arguments, sources.files)
    models = load_models(runs, arguments.device, arguments.data)
    alignment = Alignment(
        width_factor=arguments.width_factor, height_factor=arguments.height_factor
    )
    ensemble = Ensemble(models, alignment)
    _say_what_counts(arguments, ensemble)
    files = _files(arguments, ensemble, sources.files)
    if arguments.overwrite:
        files.delete()
    if files.is_finished():
        say(f"{files.out}: is finished already; --overwrite makes it anew")
    else:
        _write(arguments, ensemble, sources.files, files)
    if arguments.draw is not None:
        _draw(arguments, ensemble, sources.files)
    return 0


def _parted(paths: list[str]) -> tuple[list[Path], list[str]]:
    """Networks, and what they are to look at. Raises UserError."""
    from audetnet.prediction.loading import is_model

    count = next((n for n, path in enumerate(paths) if not is_model(Path(path))), len(paths))
    if count == len(paths):
        raise UserError("no images or videos are named; they follow the run")
    if count == 0:
        note(
            "no run is named: the shipped network recognises the AUs; it was trained on rendered "
            f"faces only (read {MODEL_CARD})"
        )
    return [Path(path) for path in paths[:count] or [NAME]], paths[count:]


def _check_files(arguments: argparse.Namespace, runs: int, paths: list[str]) -> None:
    """Raise UserError for flags that cannot be met."""
    from audetnet.prediction.table_file import SUFFIXES

    if arguments.out.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out {arguments.out}: expected a file ending in {' or '.join(SUFFIXES)}")
    if arguments.codes is not None and arguments.codes.suffix.lower() != ".parquet":
        raise UserError(f"--codes {arguments.codes}: expected a file ending in .parquet")
    if arguments.codes is not None and runs > 1:
        raise UserError("--codes: codes are of one run; name one only")
    for path in paths if arguments.draw is not None else ():
        if arguments.draw.resolve().is_relative_to(Path(path).resolve()):
            raise UserError(f"--draw {arguments.draw}: lies in {path}, whose images are read")


def _check_reference(arguments: argparse.Namespace, sources: "Sequence[Source]") -> None:
    """Raise UserError where nobody could say whose rest it is."""
    choice = arguments.reference
    one_face = arguments.aligned or arguments.faces == "largest"
    if choice is None or (one_face and choice.first_seconds is None):
        return
    if choice.file is not None:
        raise UserError(f"--reference neutral={choice.file}: shows one person; add --faces largest")
    image = next((source.path for source in sources if not source.is_video), None)
    if image is not None and choice.first_seconds is not None:
        raise UserError(f"--reference first: {image} is an image and has no seconds; use median")
    if image is not None:
        raise UserError(
            f"--reference median: who is who in images such as {image} is not known; add --faces "
            "largest where each folder shows one person"
        )


def _say_what_counts(arguments: argparse.Namespace, ensemble: "Ensemble") -> None:
    for facts in (model.facts for model in ensemble.models):
        if not arguments.aligned and arguments.landmarks is None and facts.landmarks == "files":
            note(
                f"{facts.path}: was trained on crops by landmark files; those of a detector differ "
                "somewhat (--landmarks says which)"
            )
        if facts.has_person_reference and arguments.reference is None:
            note(
                f"{facts.path}: was trained with [person_reference], and no --reference is given: "
                "each person is taken for its average training person at rest"
            )


def _files(
    arguments: argparse.Namespace, ensemble: "Ensemble", sources: "Sequence[Source]"
) -> "PredictionParts":
    import audetnet
    from audetnet.prediction.parts import PredictionParts

    facts = [model.facts for model in ensemble.models]
    choice = arguments.reference
    request: dict[str, Any] = {
        "networks": [each.digest for each in facts],
        "inputs": [str(source.path) for source in sources],
        "every": arguments.every,
        "faces": arguments.faces,
        "aligned": arguments.aligned,
        "landmarks": arguments.landmarks,
        "factors": [arguments.width_factor, arguments.height_factor],
        "reference": None if choice is None else str(choice),
        "codes": None if arguments.codes is None else str(arguments.codes),
    }
    kept = {
        "version": audetnet.__version__,
        "networks": [str(each.path) for each in facts],
        "kind": facts[0].kind,
        "thresholds": ensemble.columns.thresholds,
    }
    return PredictionParts(arguments.out, arguments.codes, ensemble.columns, request, kept)


def _write(
    arguments: argparse.Namespace,
    ensemble: "Ensemble",
    sources: "Sequence[Source]",
    files: "PredictionParts",
) -> None:
    from audetnet.prediction.to_file import predict_to_file

    observe = _observer(arguments, ensemble)
    rest_of = _rest_of(arguments, ensemble, sources, observe)
    done, pace = predict_to_file(
        sources, observe, ensemble, arguments.every, arguments.batch_size, rest_of, files
    )
    rate = pace.frames / pace.seconds
    say(
        f"{counted(done.frames, 'frame')}, {counted(done.faces, 'face')}: {files.out} "
        f"({rate:.1f} frames/s); thresholds and options: {files.facts_file}"
    )


def _observer(arguments: argparse.Namespace, ensemble: "Ensemble") -> "Observer":
    from audetnet.prediction.detectors import chosen_detector
    from audetnet.prediction.observing import AlignedCrops, FaceFinder

    if arguments.aligned:
        return AlignedCrops(ensemble.kinds)
    detector = chosen_detector([model.facts for model in ensemble.models], arguments.landmarks)
    return FaceFinder(detector, arguments.faces, ensemble.kinds)


def _rest_of(
    arguments: argparse.Namespace,
    ensemble: "Ensemble",
    sources: "Sequence[Source]",
    observe: "Observer",
) -> "RestOf":
    if arguments.reference is None:
        from audetnet.prediction.stream import nobody_is_known

        return nobody_is_known
    from audetnet.prediction.references import References

    return References(arguments.reference, observe, ensemble, sources, arguments.every)


def _draw(arguments: argparse.Namespace, ensemble: "Ensemble", sources: "Sequence[Source]") -> None:
    from audetnet.prediction.drawn_files import draw_files

    count = draw_files(
        arguments.out,
        sources,
        arguments.draw,
        ensemble.columns.thresholds,
        arguments.every,
        arguments.overwrite,
    )
    say(f"{counted(count, 'picture or video', 'pictures and videos')} drawn: {arguments.draw}")
