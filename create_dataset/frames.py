"""``python -m create_dataset.frames``: crop aligned faces from videos and image folders."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audetnet.console.arguments import above_zero, command_parser, names, positive
from audetnet.console.lines import note
from audetnet.errors import UserError, exit_status
from audetnet.faces.sources import DETECTORS, LANDMARK_SOURCES, DetectorName, LandmarkSource

if TYPE_CHECKING:
    from create_dataset.extraction.sources import Sequence
    from create_dataset.summary import Summary

_PROGRAM = "python -m create_dataset.frames"
_EXAMPLES = {
    "disfa": "disfa DISFA data/disfa --camera left --drop-bad-frames",
    "bp4d": "bp4d BP4D/images data/bp4d --landmarks BP4D/landmarks",
    "videos": "videos interviews/*.mp4 data/interviews --every 5",
    "images": "images photos data/photos --max-rotation 30",
}
_DESCRIPTION = """Crop aligned faces from videos and images: OUT/imgs/ID.jpg, and OUT/frames.csv
with the rotation of each head. The eyes are made horizontal; the square crop holds all
landmarks, enlarged by the factors. If OUT holds an AU table, only the frames in it are
extracted. To resume a run that was stopped, run the same command again."""


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    flags = command_parser(_PROGRAM, _DESCRIPTION, f"  {_PROGRAM} {_EXAMPLES['disfa']}")
    flags.formatter_class = argparse.RawDescriptionHelpFormatter
    kinds = flags.add_subparsers(dest="source", required=True, metavar="SOURCE")
    disfa = _add_source(kinds, "disfa", "videos and landmark files of DISFA")
    disfa.add_argument("raw", type=Path, metavar="RAW", help="folder of Videos_LeftCamera, ...")
    disfa.add_argument(
        "--camera", choices=("left", "right"), default="left", help="which video (default: left)"
    )
    disfa.add_argument(
        "--drop-bad-frames",
        action="store_true",
        help="leave out the frames with bad landmarks, as JAA-Net does",
    )
    disfa.add_argument(
        "--landmarks",
        choices=LANDMARK_SOURCES,
        default="files",
        help="DISFA's files (default), or a detector",
    )
    bp4d = _add_source(kinds, "bp4d", "images of BP4D, SUBJECT/TASK/FRAME.jpg")
    bp4d.add_argument("raw", type=Path, metavar="IMAGES", help="folder of F001/T1/0643.jpg, ...")
    for flag in (disfa, bp4d):
        flag.add_argument(
            "--subjects", type=names, help="only these, e.g. SN001,SN002 (default: all)"
        )
    videos = _add_source(kinds, "videos", "any videos; frame 17 of clip.mp4 becomes clip_17")
    videos.add_argument("raw", type=Path, nargs="+", metavar="FILE", help="videos")
    videos.add_argument(
        "--every", type=positive, default=1, metavar="N", help="every N-th frame (default: 1)"
    )
    images = _add_source(kinds, "images", "a folder of images; a/b.jpg becomes a_b")
    images.add_argument("raw", type=Path, metavar="DIR", help="folder, searched to any depth")
    _add_landmarks(bp4d, "SUBJECT/TASK/FRAME.mat")
    _add_landmarks(videos, "ID.mat")
    _add_landmarks(images, "the image's path, ending in .mat")
    for flag in (disfa, bp4d, videos, images):
        _add_shared(flag)
    return flags


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args(argv)
    return exit_status(lambda: _extract(arguments))


def _add_source(kinds: Any, name: str, text: str) -> argparse.ArgumentParser:
    source: argparse.ArgumentParser = kinds.add_parser(
        name,
        help=text,
        description=f"Crop aligned faces from {text}.",
        epilog=f"example:\n  {_PROGRAM} {_EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return source


def _add_landmarks(flags: argparse.ArgumentParser, layout: str) -> None:
    flags.add_argument(
        "--landmarks",
        type=_detector_or_folder,
        default=DETECTORS[0],
        metavar="|".join((*DETECTORS, "DIR")),
        help="a face detector, facemesh (default) or dlib (an extra), or a folder of landmark "
        f"files: {layout}, .npy or .pts",
    )


def _add_shared(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("out", type=Path, metavar="OUT", help="dataset directory to write to")
    crop = flags.add_argument_group("the crop")
    crop.add_argument(
        "--size", type=positive, default=256, help="side of a crop in pixels (default: 256)"
    )
    crop.add_argument(
        "--width-factor",
        type=above_zero,
        default=1.2,
        metavar="F",
        help="times the width of the landmarks (default: 1.2)",
    )
    crop.add_argument(
        "--height-factor",
        type=above_zero,
        default=1.3,
        metavar="F",
        help="times their height; the larger of the two is the side of the square (default: 1.3)",
    )
    crop.add_argument(
        "--resampling",
        choices=("area", "lanczos"),
        default="lanczos",
        help="how large faces are scaled down (default: lanczos)",
    )
    crop.add_argument(
        "--format", choices=("jpg", "png"), default="jpg", help="jpg (quality 95, default) or png"
    )
    which = flags.add_argument_group("which frames")
    which.add_argument(
        "--max-rotation",
        type=above_zero,
        metavar="DEG",
        help="leave out heads with a larger yaw or pitch",
    )
    which.add_argument("--labels", type=Path, help="AU table (default: the one in OUT, if any)")
    which.add_argument("--all", action="store_true", help="also frames without labels")
    flags.add_argument(
        "--workers", type=positive, metavar="N", help="processes (default: one per core)"
    )


def _extract(arguments: argparse.Namespace) -> int:
    from audetnet.faces.alignment import Alignment
    from audetnet.faces.detector import landmark_detector
    from audetnet.faces.opencv import need_opencv
    from create_dataset.extraction.crops import CropSettings
    from create_dataset.extraction.dataset import Request, extract_dataset
    from create_dataset.extraction.user_layout import unused_files
    from create_dataset.summary import Summary
    from create_dataset.worker_pool import default_workers

    need_opencv()
    summary = Summary()
    sequences = _sequences(arguments, summary)
    source = _landmark_source(arguments)
    if source != "files":
        landmark_detector(source)  # if it is not installed, fail before the work begins
    alignment = Alignment(
        size=arguments.size,
        width_factor=arguments.width_factor,
        height_factor=arguments.height_factor,
        resampling=arguments.resampling,
    )
    settings = CropSettings(
        landmarks=source,
        alignment=alignment,
        image_format=arguments.format,
        max_rotation=arguments.max_rotation,
    )
    request = Request(
        sequences=sequences,
        labelled=_labelled(arguments),
        settings=settings,
        parameters=_parameters(arguments),
        workers=arguments.workers or default_workers(),
        skipped=unused_files(arguments.raw) if arguments.source == "images" else (),
    )
    extract_dataset(request, arguments.out, summary)
    return 0


def _sequences(arguments: argparse.Namespace, summary: "Summary") -> "list[Sequence]":
    from create_dataset.extraction.bp4d_layout import bp4d_sequences
    from create_dataset.extraction.disfa_layout import disfa_sequences
    from create_dataset.extraction.user_layout import image_sequences, video_sequences

    raw = arguments.raw
    files = _landmark_source(arguments) == "files"
    if arguments.source == "disfa":
        sequences = disfa_sequences(
            raw, arguments.camera, files, arguments.drop_bad_frames, summary
        )
        return _of_subjects(sequences, arguments.subjects)
    landmarks = arguments.landmarks if files else None
    if arguments.source == "bp4d":
        return _of_subjects(bp4d_sequences(raw, landmarks, summary), arguments.subjects)
    if arguments.source == "videos":
        return video_sequences(raw, arguments.every, landmarks)
    if arguments.out.resolve().is_relative_to(raw.resolve()):
        raise UserError(f"{arguments.out}: is in {raw}, whose images are read; choose another")
    return image_sequences(raw, landmarks)


def _of_subjects(sequences: "list[Sequence]", subjects: tuple[str, ...] | None) -> "list[Sequence]":
    if subjects is None:
        return sequences
    known = dict.fromkeys(sequence.name.split("_")[0] for sequence in sequences)
    unknown = [subject for subject in subjects if subject not in known]
    if unknown:
        raise UserError(
            f"--subjects {','.join(unknown)}: not found; there are {', '.join(known) or 'none'}"
        )
    return [sequence for sequence in sequences if sequence.name.split("_")[0] in subjects]


def _labelled(arguments: argparse.Namespace) -> frozenset[str] | None:
    """The ids in the AU table, for the chosen subjects; None: extract all frames."""
    from audetnet.data.tables import find_labels, read_labels

    if arguments.all:
        return None
    path = arguments.labels
    if path is None:
        try:
            path = find_labels(arguments.out)
        except UserError as error:
            if arguments.out.is_dir():
                note(f"extracting every frame: {error}")
            return None
    ids = frozenset(read_labels(path, None).rows)
    subjects = getattr(arguments, "subjects", None)
    if subjects is None:
        return ids
    return frozenset(frame_id for frame_id in ids if frame_id.split("_")[0] in subjects)


def _landmark_source(arguments: argparse.Namespace) -> LandmarkSource:
    """A folder means files."""
    given: LandmarkSource | Path = arguments.landmarks
    return "files" if isinstance(given, Path) else given


def _parameters(arguments: argparse.Namespace) -> dict[str, str | int | float | bool | None]:
    return {
        "source": arguments.source,
        "camera": getattr(arguments, "camera", None),
        "landmarks": _landmark_source(arguments),
        "drop-bad-frames": getattr(arguments, "drop_bad_frames", None),
        "size": arguments.size,
        "width-factor": arguments.width_factor,
        "height-factor": arguments.height_factor,
        "resampling": arguments.resampling,
        "format": arguments.format,
        "max-rotation": arguments.max_rotation,
    }


def _detector_or_folder(text: str) -> DetectorName | Path:
    return next((name for name in DETECTORS if name == text), Path(text))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the cores are shared by processes, not threads
    sys.exit(main(sys.argv[1:]))
