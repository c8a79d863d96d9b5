"""``python -m create_dataset.csv_labels``: convert any table of AU labels, and its images, to a
dataset directory.
"""

import argparse
import re
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from audetnet.console.arguments import command_parser, natural
from audetnet.console.lines import counted
from audetnet.console.progress import ProgressBar
from audetnet.data.images import ImageError, find_images, image_size
from audetnet.data.metadata import (
    DEFAULT_SUBJECT_PATTERN,
    SUBJECTS_FILE,
    Metadata,
    subjects_of,
)
from audetnet.errors import UserError, exit_status
from audetnet.files.csv import write_csv
from audetnet.labels import ACTIVE_INTENSITY
from create_dataset.extraction.store import DESCRIPTION_FILE
from create_dataset.labels.au_columns import au_list
from create_dataset.labels.image_copies import ImageCopyError, place_image
from create_dataset.labels.row_frames import Columns
from create_dataset.labels.rows import LabelRows, join_rows, read_labelled_rows
from create_dataset.labels.table import (
    LabelTable,
    add_scale_flags,
    add_table_flags,
    check_no_other_table,
    write_dataset,
)
from create_dataset.summary import Summary, note_one_subject_per_frame

_IMAGES = "imgs"


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.csv_labels",
        "Write a dataset directory from tables (csv or parquet) with a row per frame and a column "
        "per AU: AU1, AU01, AU01_r (intensity), AU01_c (occurrence), au_1_intensity, as OpenFace, "
        "py-feat and LibreFace write them. Empty cells and 9 are unknown labels. Rows in which "
        "the column 'success' is not 1 (OpenFace) are left out. Rows name face crops, which are "
        "copied, or photographs (--photographs) or frames of videos (columns video and frame), "
        "from which create_dataset.frames then crops the faces.",
        "  python -m create_dataset.csv_labels labels.csv mine --subject-column person\n"
        "  python -m create_dataset.csv_labels of/*.csv mine --kind intensity --first-frame 1",
    )
    flags.add_argument("labels", type=Path, nargs="+", metavar="TABLE", help="csv or parquet files")
    add_table_flags(flags)
    flags.add_argument("--aus", type=au_list, help="AUs to write (default: all that have a column)")
    flags.add_argument(
        "--kind", choices=("intensity", "occurrence"), help="what the values are (default: guess)"
    )
    add_scale_flags(flags, None)
    columns = flags.add_argument_group("columns")
    columns.add_argument(
        "--id-column",
        help="frame ids (default: VIDEO_NUMBER from the columns video and frame, else frame_id or "
        "id, else the image's name, else FILE_NUMBER from the column frame)",
    )
    columns.add_argument("--path-column", help="image files, relative to the table")
    columns.add_argument("--subject-column", help=f"who is seen; written to {SUBJECTS_FILE}")
    columns.add_argument(
        "--first-frame",
        type=natural,
        default=0,
        help="number of a video's first frame in the column frame (OpenFace: 1); ids start at 0",
    )
    flags.add_argument(
        "--subject-pattern",
        type=_pattern,
        default=DEFAULT_SUBJECT_PATTERN,
        help="regular expression for the subject at the start of an id (default: all before _)",
    )
    images = flags.add_mutually_exclusive_group()
    images.add_argument(
        "--photographs",
        type=Path,
        metavar="DIR",
        help="the rows name photographs in this folder, which are not copied; 'create_dataset."
        "frames images DIR OUT' crops them under the same ids",
    )
    images.add_argument(
        "--images",
        choices=("copy", "link", "none"),
        default="copy",
        help=f"copy or link the images to OUT/{_IMAGES}, or neither (default: copy)",
    )
    flags.add_argument("--source", help="where the data come from, stored in dataset.json")
    return flags


def _run(arguments: argparse.Namespace) -> int:
    check_no_other_table(arguments.out, arguments.format)
    summary = Summary()
    columns = _columns(arguments)
    cut = arguments.threshold if arguments.occurrence else None
    rows = join_rows(
        [read_labelled_rows(path, columns, arguments.kind, cut) for path in arguments.labels]
    )
    summary.left_out("not tracked (column success)", rows.failed)
    if rows.images is not None and arguments.photographs is not None:
        rows = _with_photographs(rows, arguments.photographs, arguments.out, summary)
    elif rows.images is not None and arguments.images != "none":
        _check_no_crops(arguments.out)
        rows = _with_images(rows, arguments.out / _IMAGES, arguments.images == "link", summary)
    metadata = Metadata(
        aus=rows.aus,
        kind=rows.kind,
        threshold=arguments.threshold or ACTIVE_INTENSITY,
        source=arguments.source or ", ".join(path.name for path in arguments.labels),
        subject_pattern=arguments.subject_pattern,
        subjects=None if rows.subjects is None else SUBJECTS_FILE,
    )
    note_one_subject_per_frame(
        rows.subjects or subjects_of(rows.ids, arguments.out, metadata), summary
    )
    if rows.subjects is not None:
        path = arguments.out / SUBJECTS_FILE
        write_csv(path, [("frame", "subject"), *zip(rows.ids, rows.subjects, strict=True)])
        summary.wrote(path, counted(len(set(rows.subjects)), "subject"))
    table = LabelTable(rows.ids, rows.values, metadata)
    if arguments.occurrence and rows.kind == "intensity":
        table = table.as_occurrence()
    write_dataset(table, arguments.out, arguments.format, summary)
    summary.show()
    return 0


def _columns(arguments: argparse.Namespace) -> Columns:
    if arguments.photographs is not None and arguments.id_column is not None:
        raise UserError("--id-column: with --photographs the ids are the file names; leave it out")
    return Columns(
        frame=arguments.id_column,
        path=arguments.path_column,
        subject=arguments.subject_column,
        aus=arguments.aus,
        first_frame=arguments.first_frame,
        photographs=arguments.photographs,
    )


def _check_no_crops(out: Path) -> None:
    """Raise UserError if images would overwrite the faces cropped from them."""
    if (out / DESCRIPTION_FILE).exists():
        raise UserError(
            f"{out / _IMAGES}: holds faces cropped by create_dataset.frames; keep them with "
            "--photographs DIR or --images none, or write to another directory"
        )


def _with_photographs(rows: LabelRows, folder: Path, out: Path, summary: Summary) -> LabelRows:
    """The rows whose photograph exists; it stays where it is."""
    assert rows.images is not None
    there = [image.is_file() for image in rows.images]
    missing = [str(image) for image, found in zip(rows.images, there, strict=True) if not found]
    if not any(there):
        raise UserError(
            f"{folder}: none of {counted(len(there), 'photograph')} exists, the first being "
            f"{missing[0]}; paths are relative to the table"
        )
    summary.left_out("no such photograph", missing)
    summary.next_command("-m", "create_dataset.frames", "images", folder, out)
    return rows.chosen(np.array(there))


def _with_images(rows: LabelRows, folder: Path, link: bool, summary: Summary) -> LabelRows:
    """Copy or link every image; rows without a readable one are left out."""
    assert rows.images is not None
    kept = np.zeros(len(rows.ids), dtype=bool)
    with ProgressBar("images", len(rows.ids), unit="image") as bar:
        for row, (frame, image) in enumerate(zip(rows.ids, rows.images, strict=True)):
            try:
                place_image(image, folder, frame, link)
                kept[row] = True
            except ImageCopyError as error:
                summary.left_out(str(error), [frame])
            bar.advance()
    if not kept.any():
        raise UserError(
            f"{folder}: none of {counted(len(kept), 'image')} could be read, the first being "
            f"{rows.images[0]}; paths are relative to the table"
        )
    summary.wrote(folder, counted(int(kept.sum()), "image"))
    _note_sizes(folder, summary)
    return rows.chosen(kept)


def _note_sizes(folder: Path, summary: Summary) -> None:
    """Warn about images of several sizes: they may be photographs rather than crops."""
    sizes = set()
    for path in find_images(folder).values():
        with suppress(ImageError):
            sizes.add(image_size(path))
    if len(sizes) > 1:
        summary.note(
            f"{folder}: holds images of {len(sizes)} sizes. If they are photographs rather than "
            f"face crops, delete {folder}, run again with --photographs DIR, and crop the faces "
            "with create_dataset.frames images DIR OUT"
        )


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"not a regular expression: {error}") from error
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
