"""The summary figure: what z1 and z2 know, key numbers, frames with exchanged codes."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from audetnet.disentangling.figures import (
    BLUE,
    HOW_TO_READ,
    ORANGE,
    SHARE,
    Illustration,
    Knowledge,
    as_number,
    by_group,
    draw_interval,
    file_stem,
    has_value,
    heat_map,
    set_title,
)
from audetnet.disentangling.table import Table
from audetnet.drawing import Figure
from audetnet.evaluation.people import Estimate

MOST_CONDENSED = 12
STRIP = ("original i", "original j", "reconstruction\nof i", "z1 of i,\nz2 of j")
"""The four images of each pair of frames."""


def summary(
    name: str,
    table: Table,
    pictured: str,
    knowledge: tuple[Knowledge, ...],
    strips: npt.NDArray[np.uint8],
) -> Illustration:
    """A figure for a paper, 7 x 5 inches: what the blocks of the column ``name`` know, its rows
    with a label ``in_summary``, and the first 4 of the ``strips`` (Q, 4, 3, H, W), see STRIP and
    exchange_strips. ``pictured``: the column whose codes these are.
    """
    figure = Figure(figsize=(7, 5), layout="constrained")
    halves = figure.add_gridspec(2, 1, height_ratios=(2.75, 2.25))
    upper, lower = figure.add_subfigure(halves[0]), figure.add_subfigure(halves[1])
    heat, numbers = upper.subplots(1, 2, width_ratios=(1, 1.15))
    heat_map(heat, _condensed(knowledge), headings=False)
    heat.set_title(SHARE, fontsize=8)
    _key_numbers(numbers, table, name)
    _strip(lower, strips[:4])
    title = f"What z1 and z2 know: {name}"
    set_title(figure, title, 7)
    caption = (
        f"Left: {HOW_TO_READ} Right: key numbers with 95 % intervals over people; orange: chance. "
        "Below: pairs of frames of different people; good: the last image shows the person, pose "
        "and light of j with the expression of i."
    )
    if pictured != name:
        caption += (
            f" Note: the numbers are those of the column '{name}', without person references; the "
            f"images are from '{pictured}'."
        )
    return Illustration(
        name=file_stem("summary", name), title=title, caption=caption, figure=figure
    )


def _condensed(knowledge: tuple[Knowledge, ...]) -> tuple[Knowledge, ...]:
    """At most MOST_CONDENSED factors (or one per group): the largest groups become means."""
    groups = by_group(knowledge)
    while sum(map(len, groups.values())) > max(MOST_CONDENSED, len(groups)):
        group = max(groups, key=lambda one: len(groups[one]))
        members = groups[group]
        z1, z2 = _mean([m.z1 for m in members]), _mean([m.z2 for m in members])
        floors = [m.floor for m in members if m.floor is not None]
        floor = _mean(floors) if floors else None
        groups[group] = [
            Knowledge(
                factor=f"{group} (mean of {len(members)})", group=group, z1=z1, z2=z2, floor=floor
            )
        ]
    return tuple(one for members in groups.values() for one in members)


def _mean(values: list[float]) -> float:
    """Mean of the measured values."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _key_numbers(axes: Axes, table: Table, column: str) -> None:
    labels: list[str] = []
    for row in table.rows:
        cell = table.cells[column].get(row.key)
        if row.in_summary is None or not isinstance(cell, Estimate) or not has_value(cell):
            continue
        y = len(labels)
        labels.append(row.in_summary)
        if (chance := as_number(row.chance)) is not None:
            axes.plot([chance, chance], [y - 0.35, y + 0.35], color=ORANGE, lw=1.5)
        draw_interval(axes, y, cell, BLUE)
        interval = "" if np.isnan(cell.low) else f" [{cell.low:.2f}, {cell.high:.2f}]"
        text = f"{cell.value:.2f}{interval}"
        axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), fontsize=7, va="center")
    axes.set_yticks(range(len(labels)), labels, fontsize=7.5)
    axes.set(ylim=(max(len(labels), 1) - 0.4, -0.6))
    axes.set_xlim(min(-0.05, axes.get_xlim()[0]), 1.05)
    axes.set_xlabel("value", fontsize=8)
    axes.set_title("key numbers", fontsize=8)
    axes.tick_params(labelsize=7.5)
    axes.grid(axis="x", alpha=0.25)


def _strip(figure: SubFigure, strips: npt.NDArray[np.uint8]) -> None:
    """Pairs in two columns of four images."""
    if not len(strips):
        return
    lines = -(-len(strips) // 2)
    ratios = {"width_ratios": (1, 1, 1, 1, 0.2, 1, 1, 1, 1), "wspace": 0.02, "hspace": 0.02}
    grid = figure.subplots(lines, 9, squeeze=False, gridspec_kw=ratios)
    for axes in grid.flat:
        axes.set_axis_off()
    for pair, images in enumerate(strips):
        for place, image in enumerate(images):
            axes = grid[pair // 2, 5 * (pair % 2) + place]
            axes.imshow(image.transpose(1, 2, 0))
            if pair < 2:
                axes.set_title(STRIP[place], fontsize=7, pad=3)
