"""Figures of what balancing does, each with a caption that says how to read it and what good looks
like.
"""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from audetnet.drawing import Figure
from audetnet.labels import MAX_INTENSITY, FloatArray
from create_dataset.balancing.table import Balance, Numbers

Drawing = tuple[str, Callable[[], Figure]]
"""What a figure shows, and a function that draws it."""
_BEFORE, _AFTER = "#9aa5b1", "#1f6fb2"
_COLOURS = "viridis"
_LETTERS_PER_INCH = 16
"""In captions."""
_LINE = 0.17
"""Line height of captions, in inches."""
_BOTTOM = 0.12
_MOST_BARS = 40
_MOST_ON_A_LINEAR_SCALE = 50
_NUMBERED_AUS = 14
"""Heat maps with more AUs show colours only."""


def balance_figures(
    balance: Balance, subjects: Sequence[str], intensities: FloatArray | None
) -> dict[str, Drawing]:
    """Figures by file name. ``subjects`` (N,) and ``intensities`` (N, A; None for an occurrence
    table) are those of the frames.
    """
    drawings: dict[str, Drawing] = {
        "class_shares": ("share of every class", lambda: class_shares(balance)),
        "draws_per_frame": ("how often frames were drawn", lambda: draws_per_frame(balance)),
        "cooccurrence": ("which AUs come together", lambda: cooccurrence(balance)),
        "subjects": ("active frames by subject and AU", lambda: by_subject(balance, subjects)),
    }
    if intensities is not None:
        drawings["intensities"] = (
            "intensities of every AU",
            lambda: intensity_bars(balance, intensities),
        )
    return drawings


def class_shares(balance: Balance) -> Figure:
    """Bars of the share of active frames, before and after."""
    positions = np.arange(len(balance.classes))
    figure, ((axes,),) = _figure(
        (max(6.5, 0.62 * len(positions) + 1.5), 4.6),
        1,
        "Share of frames in which each class is active",
        "Neutral: no AU is active. MOMU always draws from the rarest class, so the blue bars "
        "should be closer to each other than the grey ones, and no class should be near 0 %. They "
        "cannot become equal: AUs that occur together (see cooccurrence.png) rise together.",
    )
    highest = 0.0
    for after, shift, colour in ((False, -0.2, _BEFORE), (True, 0.2, _AFTER)):
        shares = np.nan_to_num(100 * balance.shares(after))
        name = "after" if after else "before"
        bars = axes.bar(positions + shift, shares, 0.4, color=colour, label=f"{name} balancing")
        axes.bar_label(bars, [f"{share:.0f}" for share in shares], fontsize=7, padding=1)
        highest = max(highest, float(shares.max()))
    axes.set_xticks(positions, balance.classes, rotation=45 if len(positions) > 9 else 0)
    axes.set(xlabel="class", ylabel="active (% of known frames)", ylim=(0, highest * 1.2 + 1))
    axes.legend(frameon=False, ncols=2, loc="upper right")
    return figure


def draws_per_frame(balance: Balance) -> Figure:
    """A histogram of draws per frame; frames that were never drawn have their own bar."""
    draws = balance.draws
    never = int((draws == 0).sum())
    neutral = int(((draws == 0) & (balance.members[:, -1] == 1)).sum())
    figure, ((axes,),) = _figure(
        (7.5, 4.6),
        1,
        "How often each training frame was drawn",
        f"{len(balance.drawn):,} draws of {len(draws):,} frames; {never:,} "
        f"({100 * never / len(draws):.0f} %) were never drawn (grey), {neutral:,} of them neutral. "
        "The others should lie close to the left: frames far to the right are the same few "
        "pictures of a rare AU over and over, which a network memorises. Draw more epochs "
        "(--epochs) to reach more frames.",
    )
    width = max(1, -(-int(draws.max()) // _MOST_BARS))
    drawn = draws[draws > 0]
    edges = np.arange(1, int(draws.max()) + width + 1, width)
    counts, _ = np.histogram(drawn, edges)
    axes.bar(edges[:-1] + (width - 1) / 2, counts, 0.9 * width, color=_AFTER)
    axes.bar([-(width - 1) / 2], [never], 0.9 * width, color=_BEFORE)
    highest = max(never, int(counts.max()))
    scale = ""
    if highest > _MOST_ON_A_LINEAR_SCALE:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, 2 * highest)
        scale = " (logarithmic)"
    else:
        axes.yaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_major_formatter(_in_full)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(
        xlabel="times drawn" + (f" (bars of {width})" if width > 1 else ""),
        ylabel=f"frames{scale}",
    )
    return figure


def cooccurrence(balance: Balance) -> Figure:
    """Heat maps of P(column's AU is active | row's AU is active), before and after."""
    side = max(3.6, 0.42 * len(balance.aus) + 1.2)
    figure, (panels,) = _figure(
        (2 * side + 1.2, side + 0.9),
        2,
        "AUs that are active together",
        "Each row: of the frames in which that AU is active, the % in which each other AU is, too "
        "(empty: never active). Bright spots off the diagonal are AUs that a network may mistake "
        "for one another. Balancing should not add bright spots.",
    )
    for axes, after in zip(panels, (False, True), strict=True):
        numbers = 100 * balance.cooccurrence(after)
        image = _heat_map(axes, numbers, balance.aus, balance.aus, 100)
        axes.set(xlabel="other AU", title="after balancing" if after else "before balancing")
    panels[0].set_ylabel("AU that is active")
    figure.colorbar(image, ax=panels, label="other AU active (%)", shrink=0.8)
    return figure


def by_subject(balance: Balance, subjects: Sequence[str]) -> Figure:
    """Heat maps of active frames by subject and AU, before and after."""
    people = sorted(set(subjects))
    rows = {subject: row for row, subject in enumerate(people)}
    which = [rows[subject] for subject in subjects]
    figure, (panels,) = _figure(
        (2 * max(3.4, 0.46 * len(balance.aus) + 2), max(3.0, 0.22 * len(people) + 1.7)),
        2,
        "Active frames of every subject and AU",
        "Zeros are people who never show that AU. If only one or two people show an AU, a network "
        "learns who they are instead; balancing repeats those people and cannot fix that. Good: "
        "every column has numbers in many rows. Each side has its own colour scale.",
    )
    for axes, after in zip(panels, (False, True), strict=True):
        table = np.zeros((len(people), len(balance.aus)))
        np.add.at(table, which, (balance.active == 1) * balance.weights(after)[:, None])
        image = _heat_map(axes, table, people, balance.aus, max(float(table.max()), 1))
        axes.set(xlabel="AU", title="after balancing" if after else "before balancing")
        figure.colorbar(image, ax=axes, label="active frames")
    panels[0].set_ylabel("subject")
    return figure


def intensity_bars(balance: Balance, intensities: FloatArray) -> Figure:
    """Histograms of rounded intensities per AU, before and after."""
    columns = min(4, len(balance.aus))
    rows = -(-len(balance.aus) // columns)
    figure, panels = _figure(
        (max(6.5, 2.4 * columns), 1.8 * rows + 1),
        columns,
        "Intensities of every AU",
        "Intensity 0 (absent) to 5 (maximum), fractions rounded; logarithmic. Balancing should "
        "raise the bars of high intensities towards that of 0. Where there is no grey bar, nobody "
        "shows that intensity and it cannot be learnt; where there is no blue one next to it, it "
        "was not drawn.",
        rows,
    )
    values = np.arange(MAX_INTENSITY + 1)
    every = list(panels.flat)
    for column, (axes, name) in enumerate(zip(every, balance.aus, strict=False)):
        rounded = np.rint(intensities[:, column])
        for after, shift, colour in ((False, -0.2, _BEFORE), (True, 0.2, _AFTER)):
            weights = balance.weights(after)
            counts = [int(weights[rounded == value].sum()) for value in values]
            label = "after balancing" if after else "before balancing"
            axes.bar(values + shift, counts, 0.4, color=colour, label=label)
        axes.set_title(name, fontsize=9, pad=3)
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(_in_full)
        axes.set_ylim(0, 2 * max(len(intensities), len(balance.drawn)))
        axes.set_xticks(values)
        axes.tick_params(labelsize=7)
    for axes in every[len(balance.aus) :]:
        axes.set_visible(False)
    for axes in every[max(0, len(balance.aus) - columns) : len(balance.aus)]:
        axes.set_xlabel("intensity", fontsize=8)
    for axes in panels[:, 0]:
        axes.set_ylabel("frames", fontsize=8)
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _figure(
    size: tuple[float, float], columns: int, title: str, caption: str, rows: int = 1
) -> tuple[Figure, npt.NDArray[Any]]:
    """A figure with a caption below, and its axes (rows, columns). ``size``: width and height in
    inches, without the caption.
    """
    width, height = size
    lines = textwrap.wrap(caption, int((width - 0.3) * _LETTERS_PER_INCH))
    room = _LINE * len(lines) + 2 * _BOTTOM
    total = height + room
    figure = Figure(figsize=(width, total), dpi=120)
    figure.set_layout_engine("constrained", rect=(0, room / total, 1, 1 - room / total))
    figure.suptitle(title, fontsize=12, x=0.15 / width, ha="left")
    figure.text(0.15 / width, _BOTTOM / total, "\n".join(lines), fontsize=8.5, va="bottom")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _in_full(value: float, _: int | None) -> str:
    """A tick label; matplotlib's own on logarithmic axes are powers of ten."""
    return f"{value:,.0f}"


def _heat_map(
    axes: Axes, numbers: Numbers, rows: Sequence[str], columns: Sequence[str], highest: float
) -> Any:
    """Colours from 0 to ``highest``, with numbers if there is room; returns the image."""
    image = axes.imshow(numbers, cmap=_COLOURS, vmin=0, vmax=highest, aspect="auto")
    axes.set_facecolor("white")
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    if len(columns) <= _NUMBERED_AUS:
        for (row, column), number in np.ndenumerate(numbers):
            if not np.isnan(number):
                colour = "black" if number > 0.6 * highest else "white"
                axes.text(
                    column,
                    row,
                    f"{number:.0f}",
                    color=colour,
                    fontsize=6.5,
                    ha="center",
                    va="center",
                )
    return image
