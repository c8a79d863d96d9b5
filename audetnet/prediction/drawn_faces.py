"""Draws the rows of a prediction into their image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from audetnet.data.images import RgbImage
from audetnet.labels import MAX_INTENSITY
from audetnet.prediction.table import DECISION, INTENSITY, PROBABILITY, Row

_SHORTEST_SIDE = 720
"""Smaller images are enlarged to this many pixels, so that the bars are legible."""
_LEAST_LINE, _MOST_LINE = 13, 26
"""Height of an AU's line in pixels; within these limits the bars are as high as the box."""
_WIDTH, _NAME_WIDTH, _NUMBER_WIDTH = 11.0, 3.4, 2.4
"""Of the whole panel, the names and the numbers, in line heights."""
_COLOURS = ((255, 176, 0), (100, 200, 255), (120, 230, 120), (255, 130, 190), (200, 160, 255))
"""One per person."""
_DARK, _PALE, _INACTIVE = (20, 22, 26), (225, 225, 225), (130, 134, 140)
_OPACITY = 0.78
_EDGE = 1
"""Width in pixels of the dark outline of text on the image."""


@dataclass(frozen=True, kw_only=True)
class _Bar:
    name: str
    share: float
    """Of the full scale, 0-1."""
    number: str
    active: bool
    threshold: float
    """As a share."""


def enlargement(height: int, width: int) -> int:
    """The integer factor by which images of this size are enlarged."""
    return max(1, -(-_SHORTEST_SIDE // min(height, width)))


def draw_faces(image: RgbImage, rows: Sequence[Row], thresholds: Mapping[str, float]) -> RgbImage:
    """Draw a box and bars for each face into an image (H, W, 3), enlarged if it is small. Crops,
    whose faces have no box, get a margin for the bars. ``thresholds``: by column, in its unit.
    """
    height, width = image.shape[:2]
    factor = enlargement(height, width)
    whole = Image.fromarray(image).resize((width * factor, height * factor))
    if any(row["success"] and row["x"] is None for row in rows):
        whole = _with_margin(whole, _line(whole.height, len(thresholds), whole.height))
    for row in rows:
        if row["reason"]:
            _draw_text(ImageDraw.Draw(whole), (6, 4), str(row["reason"]), _PALE, _MOST_LINE, _EDGE)
        if row["x"] is not None:
            _draw_box(whole, row, factor)
        if row["success"]:
            _draw_bars(whole, row, _bars(row, thresholds), factor, width * factor)
    return np.asarray(whole)


def _line(face_height: float, bars: int, height: int) -> int:
    """Height in pixels of a bar beside a face, in an image of height ``height``."""
    line = round(min(max(face_height / bars, _LEAST_LINE), _MOST_LINE))
    return max(1, min(line, height // bars))


def _with_margin(image: Image.Image, line: int) -> Image.Image:
    wider = Image.new("RGB", (image.width + round(_WIDTH * line) + 12, image.height), _DARK)
    wider.paste(image)
    return wider


def _bars(row: Row, thresholds: Mapping[str, float]) -> list[_Bar]:
    bars = []
    for column, threshold in thresholds.items():
        whole = MAX_INTENSITY if column.endswith(INTENSITY) else 1
        value = float(row[column] or 0)
        name = column.removesuffix(INTENSITY).removesuffix(PROBABILITY)
        bars.append(
            _Bar(
                name=name,
                share=value / whole,
                number=f"{value:.1f}" if whole > 1 else f"{value:.2f}",
                active=bool(row[f"{name}{DECISION}"]),
                threshold=threshold / whole,
            )
        )
    return bars


def _colour(row: Row) -> tuple[int, int, int]:
    return _COLOURS[int(row["face"] or 0) % len(_COLOURS)]


def _box(row: Row, factor: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    x, y, width, height = (float(row[name] or 0) for name in ("x", "y", "width", "height"))
    return x * factor, y * factor, (x + width) * factor, (y + height) * factor


def _draw_box(image: Image.Image, row: Row, factor: int) -> None:
    draw, box = ImageDraw.Draw(image), _box(row, factor)
    draw.rectangle(box, outline=_colour(row), width=max(2, image.height // 300))
    _draw_text(
        draw, (box[0], max(0.0, box[1] - 22)), f"face {row['face']}", _colour(row), 20, _EDGE
    )


def _draw_bars(
    image: Image.Image, row: Row, bars: Sequence[_Bar], factor: int, margin: int
) -> None:
    """Draw the bars to the right of the box, else to its left, else at the image edge; for a crop,
    in the margin that begins at ``margin``.
    """
    if row["x"] is None:
        left, top, right, bottom = float(margin), 0.0, float(margin), float(image.height)
    else:
        left, top, right, bottom = _box(row, factor)
    line = _line(bottom - top, len(bars), image.height)
    width, height = round(_WIDTH * line), line * len(bars) + 4
    x = right + 6
    if x + width > image.width:
        x = left - 6 - width if left - 6 - width >= 0 else image.width - width
    y = min(max(0.0, top), max(0, image.height - height))
    panel = _panel(bars, line, (width, height), _colour(row))
    at = (round(x), round(y))
    beneath = image.crop((*at, at[0] + width, at[1] + height))
    image.paste(Image.blend(beneath, panel, _OPACITY), at)


def _panel(
    bars: Sequence[_Bar], line: int, size: tuple[int, int], colour: tuple[int, int, int]
) -> Image.Image:
    """The bars, with a tick at each threshold; active AUs are coloured."""
    panel = Image.new("RGB", size, _DARK)
    draw = ImageDraw.Draw(panel)
    start, end = _NAME_WIDTH * line, size[0] - _NUMBER_WIDTH * line
    for number, bar in enumerate(bars):
        top = 2 + number * line
        shown = colour if bar.active else _INACTIVE
        _draw_text(draw, (4, top), bar.name, _PALE if bar.active else _INACTIVE, line)
        low, high = top + 0.25 * line, top + 0.75 * line
        draw.rectangle((start, low, end, high), fill=(50, 53, 58))
        draw.rectangle((start, low, start + (end - start) * bar.share, high), fill=shown)
        tick = start + (end - start) * bar.threshold
        draw.line((tick, low - 2, tick, high + 2), fill=_PALE, width=1)
        _draw_text(draw, (end + 4, top), bar.number, _PALE if bar.active else _INACTIVE, line)
    return panel


def _draw_text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    colour: tuple[int, int, int],
    line: int,
    edge: int = 0,
) -> None:
    font = ImageFont.load_default(round(line * 0.72))
    draw.text(
        (at[0], at[1] + line * 0.06), text, colour, font, stroke_width=edge, stroke_fill=_DARK
    )
