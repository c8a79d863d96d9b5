"""Figures of numbers: maps of the codes, what each block knows, intervals by column."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import SubFigure
from matplotlib.patches import Rectangle
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from audetnet.console.lines import counted
from audetnet.disentangling.block_metrics import standardised
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.table import Cell, Row, Table
from audetnet.drawing import Figure, legend_label
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate

MOST_FRAMES, MOST_AUS = 1500, 3
FEWEST_FOR_TSNE = 30
ORANGE, BLUE, GREY = "#D55E00", "#0072B2", "#767676"
_STATES = (("unknown", "#D9D9D9"), ("inactive", "#56B4E9"), ("active", ORANGE))
_PEOPLE = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
"""Ten colours, distinguishable for colour-blind readers (Petroff 2021)."""
SHARE = "share known (0 = chance, 1 = all)"
HOW_TO_READ = (
    "Shares known: AUs 2 (AUC - 0.5), person (accuracy - chance) / (1 - chance), other factors R², "
    "by the better of the linear and the non-linear probe. "
    "Good: z1 knows the AUs and nothing else (other factors at most at the floor, which is what "
    "the true AU labels alone reveal about them); z2 knows everything but the AUs."
)


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A figure; ``name`` is the stem of its file, ``caption`` explains how to read it and what good
    looks like.
    """

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What the blocks know about a factor, as shares: 0 = chance, 1 = everything, NaN = not
    measured.

    AUs: 2 (AUC - 0.5); person: (accuracy - chance) / (1 - chance); others: R², at least 0.
    ``floor`` is what the true AU labels alone reveal about the factor.
    """

    factor: str
    group: str
    z1: float
    z2: float
    floor: float | None = None


def set_title(figure: Figure | SubFigure, title: str, width: float) -> None:
    """The title of a figure, wrapped to its width in inches."""
    figure.suptitle(textwrap.fill(title, max(20, int(width * 11))), fontsize=10, weight="bold")


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters, cut at the start: the end distinguishes frames and runs."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def file_stem(kind: str, name: str) -> str:
    """A file name, whatever characters ``name`` has."""
    return f"{kind}_{re.sub(r'[^A-Za-z0-9.-]+', '_', name).strip('_')}"


def code_maps(codes: Codes, au_names: tuple[str, ...]) -> Illustration:
    """z1 (and z2) in two dimensions, coloured by person and by the most frequent AUs."""
    rows = np.unique(np.linspace(0, len(codes) - 1, min(len(codes), MOST_FRAMES)).astype(np.int64))
    blocks = {"z1": codes.z1, "z2": codes.z2}
    planes = {name: _plane(z[rows]) for name, z in blocks.items() if z.shape[1]}
    method = "t-SNE" if len(rows) >= FEWEST_FOR_TSNE else "PCA"
    counts = np.array([(codes.labels == value).sum(axis=0) for value in (1, 0)])
    often = sorted(np.flatnonzero(counts.all(axis=0)), key=lambda au: -counts[0, au])[:MOST_AUS]
    width, height = 2.6 * (1 + len(often)) + 0.6, 2.5 * len(planes) + 1.5
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(len(planes), 1 + len(often), squeeze=False)
    for (name, plane), line in zip(planes.items(), grid, strict=True):
        _by_person(line[0], plane, codes.person[rows], codes.people)
        line[0].set_ylabel(f"{name}\n{method} 2 (no unit)", fontsize=8)
        for au, axes in zip(often, line[1:], strict=True):
            _by_state(axes, plane, codes.labels[rows, au])
    names = [f"{au_names[au]} ({counts[0, au] / counts[:, au].sum():.0%} active)" for au in often]
    for axes, name in zip(grid[0], ["person", *names], strict=True):
        axes.set_title(f"coloured by {name}", fontsize=9)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{method} 1 (no unit)", fontsize=8)
    for axes in grid[-1]:
        _legend_below(axes)
    title = f"Frames as points: {' and '.join(planes)} in two dimensions ({method})"
    set_title(figure, title, width)
    caption = (
        f"Each point is one of {counted(len(rows), 'frame')} of "
        f"{counted(len(codes.people), 'person', 'people')}; close points have similar codes, the "
        f"axes of {method} have no unit. Good: in z1 people are mixed and active frames of an AU "
        "cluster"
        + ("; in z2 people cluster and AUs are mixed." if "z2" in planes else " (there is no z2).")
    )
    return Illustration(name="code_maps", title=title, caption=caption, figure=figure)


def _plane(z: Array) -> Array:
    """(n, D) to (n, 2): t-SNE of at most 50 principal components, or the first two of them."""
    z = standardised(z)
    components = min(50, *z.shape)
    if components > 1:
        z = PCA(components, random_state=0).fit_transform(z)
    z = np.pad(z, ((0, 0), (0, max(0, 2 - z.shape[1]))))
    if len(z) < FEWEST_FOR_TSNE or components < 1:
        return z[:, :2]
    perplexity = min(30.0, (len(z) - 1) / 3)
    plane = TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(z)
    return np.asarray(plane, dtype=np.float64)


def _by_person(
    axes: Axes, plane: Array, person: npt.NDArray[np.int64], names: tuple[str, ...]
) -> None:
    if len(names) <= len(_PEOPLE):
        for one, name in enumerate(names):
            x, y = plane[person == one].T
            axes.scatter(
                x, y, s=5, lw=0, color=_PEOPLE[one], label=legend_label(shortened(name, 10))
            )
        return
    points = axes.scatter(plane[:, 0], plane[:, 1], s=5, lw=0, c=person + 1, cmap="viridis")
    bar = axes.figure.colorbar(points, ax=axes, location="left", shrink=0.8)
    bar.set_label(f"person (1 to {len(names)})", fontsize=7)
    bar.ax.tick_params(labelsize=7)


def _by_state(axes: Axes, plane: Array, labels: Array) -> None:
    masks = (np.isnan(labels), labels == 0, labels == 1)
    for (state, colour), mask in zip(_STATES, masks, strict=True):
        if mask.any():
            axes.scatter(plane[mask, 0], plane[mask, 1], s=5, lw=0, color=colour, label=state)


def _legend_below(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        legend = axes.legend(
            loc="upper center", ncols=3, fontsize=7, markerscale=2.5, frameon=False
        )
        legend.set_bbox_to_anchor((0.5, -0.1))


def knowledge_map(name: str, knowledge: tuple[Knowledge, ...]) -> Illustration:
    """Heat map of what each block of the column ``name`` knows about each factor."""
    groups = len({one.group for one in knowledge})
    width, height = 4.8, 0.2 * len(knowledge) + 0.27 * groups + 1.5
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    heat_map(axes, knowledge, headings=True)
    axes.set_ylabel("factor", fontsize=8)
    bar = figure.colorbar(_colours(), ax=axes, fraction=0.05, aspect=max(6, 4 * height))
    bar.set_label(SHARE if height > 3 else textwrap.fill(SHARE, 20), fontsize=8)
    bar.ax.tick_params(labelsize=8)
    title = f"What each block of the code knows: {name}"
    set_title(figure, title, width)
    return Illustration(
        name=file_stem("knowledge", name), title=title, caption=HOW_TO_READ, figure=figure
    )


def _colours() -> ScalarMappable:
    mappable = ScalarMappable(cmap=colormaps["Blues"].with_extremes(bad="#EDEDED"))
    mappable.set_clim(0, 1)
    return mappable


def heat_map(axes: Axes, knowledge: tuple[Knowledge, ...], headings: bool) -> None:
    """One row per factor, groups set apart (named, with ``headings``), a number in each cell."""
    floors = any(one.floor is not None for one in knowledge)
    names, left = ("z1", "z2", "floor")[: 2 + floors], (0.0, 1.0, 2.15)[: 2 + floors]
    top, ticks = 0.0, {}
    for group, members in by_group(knowledge).items():
        if headings:
            axes.text(0, top + 1.2, group, fontsize=8, style="italic", va="bottom")
        top += 1.35 if headings else 0.3
        for one in members:
            for x, value in zip(left, (one.z1, one.z2, one.floor), strict=False):
                _cell(axes, x, top, np.nan if value is None else value)
            ticks[top + 0.5] = shortened(one.factor, 27)
            top += 1
    axes.set(xlim=(0, left[-1] + 1), ylim=(top + 0.05, 0))
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=7.5)
    axes.set_xticks([x + 0.5 for x in left], names, fontsize=8)
    axes.set_xlabel("block of the code", fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def by_group(knowledge: tuple[Knowledge, ...]) -> dict[str, list[Knowledge]]:
    """The factors of each group, both in order of appearance."""
    groups: dict[str, list[Knowledge]] = {}
    for one in knowledge:
        groups.setdefault(one.group, []).append(one)
    return groups


def _cell(axes: Axes, x: float, top: float, share: float) -> None:
    colour = _colours().to_rgba(np.array(share))
    axes.add_patch(Rectangle((x, top), 1, 1, facecolor=colour, edgecolor="white"))
    ink = "white" if share > 0.6 else "black"
    text = "-" if np.isnan(share) else f"{share:.2f}"
    axes.text(x + 0.5, top + 0.53, text, color=ink, fontsize=7, ha="center", va="center")


def row_intervals(table: Table) -> Illustration:
    """A panel per row that is ``in_intervals`` and was measured, with its value in every column."""
    shown = [
        row
        for row in table.rows
        if row.in_intervals
        and any(has_value(table.cells[c.name].get(row.key)) for c in table.columns)
    ]
    names = [column.name for column in table.columns]
    lines = -(-len(shown) // 3) or 1
    width, height = 10.0, lines * (1.05 + 0.2 * len(names)) + 0.5
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(lines, 3, squeeze=False, sharey=True)
    for axes, row in zip(grid.flat, shown, strict=False):
        _intervals(axes, row, [table.cells[name].get(row.key) for name in names])
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(names)), [shortened(n, 32) for n in names], fontsize=8)
        axes.set_ylim(len(names) - 0.4, -0.6)
    title = "Measures of all columns, with intervals of 95 % over people"
    set_title(figure, title, width)
    caption = (
        "Dot: the value (none: not measured), whiskers: the interval over people (none: too few "
        "people), dashed: chance. Good: the run (blue) is on the side of the ideal, clear of the "
        "permuted codes, the untrained encoder and chance; widely overlapping intervals show no "
        "difference."
    )
    return Illustration(name="intervals", title=title, caption=caption, figure=figure)


def has_value(cell: Cell | None) -> bool:
    """Whether a cell has a number to draw."""
    return isinstance(cell, Estimate) and not np.isnan(cell.value)


def _intervals(axes: Axes, row: Row, cells: Sequence[Cell | None]) -> None:
    for y, cell in enumerate(cells):
        if isinstance(cell, Estimate) and has_value(cell):
            draw_interval(axes, y, cell, BLUE if y == 0 else "#404040")
    if (chance := as_number(row.chance)) is not None:
        axes.axvline(chance, color=ORANGE, ls="--", lw=1, zorder=0)
    axes.set_title(textwrap.fill(row.title, 42), fontsize=8.5)
    reading = f"{row.unit or 'no unit'} (chance {row.chance}, ideal {row.ideal})"
    axes.set_xlabel(textwrap.fill(reading, 48), fontsize=7.5)
    axes.tick_params(labelsize=7.5)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="y", alpha=0.25)
    axes.margins(x=0.08)


def draw_interval(axes: Axes, y: float, cell: Estimate, colour: str) -> None:
    """A dot, with whiskers if there is an interval."""
    if not np.isnan(cell.low):
        axes.plot([cell.low, cell.high], [y, y], color=colour, lw=1.2)
    axes.plot([cell.value], [y], "o", color=colour, ms=4)


def as_number(text: str) -> float | None:
    """A chance level as a number, None if it is in words."""
    try:
        return float(text)
    except ValueError:
        return None
