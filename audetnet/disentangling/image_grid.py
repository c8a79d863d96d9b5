"""Grids of images with names for rows and columns."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from audetnet.disentangling.figures import set_title, shortened
from audetnet.drawing import Figure

MARGIN = 0.12
_TILE = 1.0
"""Width of an image, in inches."""
_SIDE, _TOP, _BOTTOM, _GAP, _APART = 1.4, 0.85, 0.4, 0.04, 0.15


def frame_names(ids: Sequence[str], owners: Sequence[str]) -> list[str]:
    """Two lines each: whose frame it is (or which AU's), and its id."""
    pairs = zip(owners, ids, strict=True)
    return [f"{shortened(owner, 14)}\n{shortened(frame, 14)}" for owner, frame in pairs]


def image_grid(
    title: str,
    rows: Sequence[tuple[str, Iterable[npt.NDArray[np.uint8] | None]]],
    columns: Sequence[str],
    axis_names: tuple[str, str],
    gap: int = 0,
    right: float = MARGIN,
) -> tuple[Figure, list[list[Axes]]]:
    """Named rows of images (3, H, W) of one size, None = left empty, below column names. Columns
    from ``gap`` on are set apart; ``right`` is the margin in inches. axis_names: of the columns, of
    the rows.
    """
    size = next(image.shape[1:] for image in rows[-1][1] if image is not None)
    tile = _TILE * size[0] / size[1]
    width = _SIDE + len(columns) * (_TILE + _GAP) + (_APART if gap else 0) + right
    height = _TOP + len(rows) * (tile + _GAP) + _BOTTOM
    figure = Figure(figsize=(width, height))
    set_title(figure, title, width)
    figure.supxlabel(axis_names[0], fontsize=9, x=0.5 + (_SIDE - right) / 2 / width)
    figure.supylabel(axis_names[1], fontsize=9, y=0.5 + (_BOTTOM - _TOP) / 2 / height)
    grid: list[list[Axes]] = []
    for row, (name, images) in enumerate(rows):
        grid.append([])
        for column, image in enumerate(images):
            x = _SIDE + column * (_TILE + _GAP) + (_APART if gap and column >= gap else 0)
            y = height - _TOP - row * (tile + _GAP) - tile
            place = (x / width, y / height, _TILE / width, tile / height)
            axes = figure.add_axes(place, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if image is not None:
                axes.imshow(image.transpose(1, 2, 0))
            grid[row].append(axes)
        grid[row][0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(name, fontsize=8, pad=3)
    return figure, grid
