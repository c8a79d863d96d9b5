"""The contact sheet: some people, each with their strongest expressions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from audetnet.files.atomic import write_bytes
from create_dataset.rendering.action_units import ALL_AUS, labels_of
from create_dataset.rendering.curves import DoubleArray
from create_dataset.rendering.directory import image_name
from create_dataset.rendering.plan import Plan

_ROWS, _COLUMNS = 8, 8
_LARGEST = 112
"""Largest side of a picture in the sheet, in pixels."""
_CAPTION = 12
SHEET_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def write_contact_sheet(plan: Plan, images: Path, path: Path) -> None:
    """Below each picture are its AUs of intensity 2 or more. Raises FileError."""
    labels = labels_of(plan.intensities)
    people = np.unique(np.linspace(0, len(labels) - 1, min(_ROWS, len(labels))).astype(int))
    side = min(plan.request.size, _LARGEST)
    columns = min(_COLUMNS, labels.shape[1])
    sheet = Image.new("RGB", (columns * side, len(people) * (side + _CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, person in enumerate(people.tolist()):
        chosen = _chosen(plan.intensities[person], plan.request.lights, columns)
        for column, picture in enumerate(chosen):
            with Image.open(images / image_name(person + 1, picture)) as opened:
                small = opened.resize((side, side), Image.Resampling.LANCZOS)
            corner = (column * side, row * (side + _CAPTION))
            sheet.paste(small, corner)
            shown = [
                str(au)
                for au in np.array(ALL_AUS[: labels.shape[-1]])[labels[person, picture] >= 2]
            ]
            pen.text((corner[0] + 2, corner[1] + side), " ".join(shown), fill="black")
    content = io.BytesIO()
    sheet.save(content, SHEET_FORMATS[path.suffix.lower()], quality=90)
    write_bytes(path, lambda file: file.write(content.getvalue()))


def _chosen(intensities: DoubleArray, lights: int, count: int) -> list[int]:
    """The strongest picture in each of ``count`` time spans, given intensities (T, A); with several
    lights, the strongest expressions under all of them.
    """
    total = intensities.sum(axis=1)
    if lights > 1:
        strongest = np.argsort(-total[::lights], kind="stable")
        return [int(each) * lights + k for each in strongest for k in range(lights)][:count]
    stretches = np.array_split(np.arange(len(total)), count)
    return [int(stretch[total[stretch].argmax()]) for stretch in stretches]
