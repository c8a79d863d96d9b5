"""``audetnet predict``: recognise AUs in images and videos."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.commands.predict_flags import parser
from audetnet.console.lines import counted, note, say
from audetnet.errors import UserError, exit_status
from audetnet.machine.memory import keep_freed_memory
from audetnet.prediction.reference_choice import check_reference
from audetnet.recogniser import MODEL_CARD, NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audetnet.prediction.ensemble import Ensemble
    from audetnet.prediction.frames import Source
    from audetnet.prediction.observing import Observer
    from audetnet.prediction.parts import PredictionParts
    from audetnet.prediction.stream import NeutralOf


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
    runs, paths = _split_paths(arguments.paths)
    _check_files(arguments, len(runs), paths)
    sources = find_sources(paths)
    if sources.skipped:
        note(f"skipped {counted(sources.skipped, 'file')}: neither image nor video")
    if arguments.reference is not None:
        one_face = arguments.aligned or arguments.faces == "largest"
        check_reference(arguments.reference, sources.files, one_face)
    models = load_models(runs, arguments.device, arguments.data)
    alignment = Alignment(
        width_factor=arguments.width_factor, height_factor=arguments.height_factor
    )
    ensemble = Ensemble(models, alignment)
    _note_mismatches(arguments, ensemble)
    files = _files(arguments, ensemble, sources.files)
    if arguments.overwrite:
        files.delete()
    if files.is_finished():
        say(f"{files.out}: already finished; --overwrite starts over")
    else:
        _write(arguments, ensemble, sources.files, files)
    if arguments.draw is not None:
        _draw(arguments, ensemble, sources.files)
    return 0


def _split_paths(paths: list[str]) -> tuple[list[Path], list[str]]:
    """Split the paths into networks and inputs. Raises UserError."""
    from audetnet.prediction.loading import is_model

    count = next((n for n, path in enumerate(paths) if not is_model(Path(path))), len(paths))
    if count == len(paths):
        raise UserError("no images or videos given; name them after the run")
    if count == 0:
        note(
            "no run given: using the shipped network, which was trained on rendered faces only "
            f"(see {MODEL_CARD})"
        )
    return [Path(path) for path in paths[:count] or [NAME]], paths[count:]


def _check_files(arguments: argparse.Namespace, runs: int, paths: list[str]) -> None:
    """Raise UserError for unusable paths."""
    from audetnet.prediction.table_file import SUFFIXES

    if arguments.out.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out {arguments.out}: expected a file ending in {' or '.join(SUFFIXES)}")
    if arguments.codes is not None and arguments.codes.suffix.lower() != ".parquet":
        raise UserError(f"--codes {arguments.codes}: expected a file ending in .parquet")
    if arguments.codes is not None and runs > 1:
        raise UserError("--codes: supports a single run only")
    for path in paths if arguments.draw is not None else ():
        if arguments.draw.resolve().is_relative_to(Path(path).resolve()):
            raise UserError(f"--draw {arguments.draw}: lies inside {path}, which is an input")


def _note_mismatches(arguments: argparse.Namespace, ensemble: "Ensemble") -> None:
    for info in (model.info for model in ensemble.models):
        if not arguments.aligned and arguments.landmarks is None and info.landmarks == "files":
            note(
                f"{info.path}: trained on crops by landmark files; those of a detector differ "
                "slightly (--landmarks selects one)"
            )
        if info.has_person_reference and arguments.reference is None:
            note(
                f"{info.path}: trained with [person_reference], but without --reference: using the "
                "average neutral of its training people for everyone"
            )


def _files(
    arguments: argparse.Namespace, ensemble: "Ensemble", sources: "Sequence[Source]"
) -> "PredictionParts":
    import audetnet
    from audetnet.prediction.parts import PredictionParts

    infos = [model.info for model in ensemble.models]
    choice = arguments.reference
    request: dict[str, Any] = {
        "networks": [each.digest for each in infos],
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
        "networks": [str(each.path) for each in infos],
        "kind": infos[0].kind,
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
    neutral_of = _neutral_of(arguments, ensemble, sources, observe)
    done, pace = predict_to_file(
        sources, observe, ensemble, arguments.every, arguments.batch_size, neutral_of, files
    )
    rate = pace.frames / pace.seconds
    say(
        f"{counted(done.frames, 'frame')}, {counted(done.faces, 'face')}: {files.out} "
        f"({rate:.1f} frames/s); thresholds and options: {files.facts_file}"
    )


def _observer(arguments: argparse.Namespace, ensemble: "Ensemble") -> "Observer":
    from audetnet.prediction.detectors import select_detector
    from audetnet.prediction.observing import AlignedCrops, FaceFinder

    if arguments.aligned:
        return AlignedCrops(ensemble.kinds)
    detector = select_detector([model.info for model in ensemble.models], arguments.landmarks)
    return FaceFinder(detector, arguments.faces, ensemble.kinds)


def _neutral_of(
    arguments: argparse.Namespace,
    ensemble: "Ensemble",
    sources: "Sequence[Source]",
    observe: "Observer",
) -> "NeutralOf":
    if arguments.reference is None:
        from audetnet.prediction.stream import no_neutral

        return no_neutral
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
