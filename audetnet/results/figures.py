"""Figures of predictions: bars by AU, ROC, calibration, confusion, people. Writes no files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from sklearn.metrics import roc_curve

from audetnet.disentangling.figures import BLUE, GREY, ORANGE, Illustration, shortened
from audetnet.drawing import Figure, legend_label
from audetnet.evaluation.metrics import Array, metric_title
from audetnet.labels import MAX_INTENSITY
from audetnet.results.estimates import MEAN, Estimates, by_person
from audetnet.results.predictions import Pooled

_COLUMNS = 4
_BINS = 10
_COLOURS = (BLUE, ORANGE, GREY, "#009E73", "#CC79A7", "#56B4E9")


def bars(methods: Mapping[str, Estimates], aus: Sequence[str], metric: str) -> Illustration:
    """A metric per AU and on average, one bar per method, with intervals."""
    names = [*aus, MEAN]
    figure = Figure(figsize=(max(6.0, 0.62 * len(names) + 1.5), 3.4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(methods)
    for place, (method, estimates) in enumerate(methods.items()):
        found = [estimates[metric][au] for au in names]
        left = np.arange(len(names)) + (place - (len(methods) - 1) / 2) * width
        colour = _COLOURS[place % len(_COLOURS)]
        axes.bar(left, [e.value for e in found], width, color=colour, label=legend_label(method))
        for x, each in zip(left, found, strict=True):
            axes.plot([x, x], [each.low, each.high], color="black", lw=0.9)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel(metric_title(metric), fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.legend(
        fontsize=7, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0
    )
    return Illustration(
        name="bars",
        title=f"{metric_title(metric)} by AU",
        caption="Bars: over all frames together; lines: 95 % bootstrap intervals over people.",
        figure=figure,
    )


def roc(pool: Pooled) -> Illustration:
    """The ROC curve of each AU."""

    def draw(axes: Axes, au: int) -> None:
        known = ~np.isnan(pool.predictions.labels[:, au])
        labels = pool.predictions.labels[known, au] == 1
        if labels.any() and not labels.all():
            alarms, hits, _ = roc_curve(labels, pool.predictions.scores[known, au])
            axes.plot(alarms, hits, color=BLUE, lw=1.2)
        axes.plot([0, 1], [0, 1], color=GREY, ls="--", lw=0.8)

    return Illustration(
        name="roc",
        title="ROC of each AU",
        caption="True positive rate by false positive rate; dashed: chance.",
        figure=_by_au(pool, draw, "false positive rate", "true positive rate"),
    )


def calibration(pool: Pooled) -> Illustration:
    """Share of active frames by predicted probability, or mean label by predicted intensity."""
    predicted, true = pool.predictions.probabilities, pool.predictions.labels
    end, what = 1.0, "share of active frames by the predicted probability"
    if predicted is None:
        end, what = float(MAX_INTENSITY), "mean label by the predicted intensity"
        intensities = pool.predictions.intensities
        predicted = intensities if intensities is not None else pool.predictions.scores.clip(0, end)
        if pool.predictions.intensity_labels is not None:
            true = pool.predictions.intensity_labels

    def draw(axes: Axes, au: int) -> None:
        known = ~np.isnan(true[:, au])
        means = _binned(predicted[known, au], true[known, au], end)
        axes.plot([0, end], [0, end], color=GREY, ls="--", lw=0.8)
        axes.plot(*means, "o-", color=BLUE, ms=3, lw=1)

    return Illustration(
        name="calibration",
        title="Calibration of each AU",
        caption=f"The {what}, in {_BINS} bins of equal width; dashed: ideal.",
        figure=_by_au(pool, draw, "predicted", "true"),
    )


def _binned(predicted: Array, true: Array, end: float) -> tuple[Array, Array]:
    """The mean of both in each non-empty bin."""
    bins = np.minimum(predicted / end * _BINS, _BINS - 1).astype(np.int64)
    counts = np.bincount(bins, minlength=_BINS)
    held = counts > 0
    first, second = (np.bincount(bins, each, minlength=_BINS)[held] for each in (predicted, true))
    return first / counts[held], second / counts[held]


def confusion(pool: Pooled) -> Illustration:
    """How many active and inactive frames of each AU were detected as active."""
    cells = (
        ("true positive", 1, 1),
        ("false negative", 1, 0),
        ("true negative", 0, 0),
        ("false positive", 0, 1),
    )
    figure = Figure(figsize=(6.5, 0.27 * len(pool.aus) + 1.0), layout="constrained")
    axes = figure.subplots()
    labels, decisions = pool.predictions.labels, pool.predictions.decisions
    counts = np.array(
        [((labels == true) & (decisions == predicted)).sum(axis=0) for _, true, predicted in cells]
    ).T
    totals = np.repeat([counts[:, :2].sum(axis=1), counts[:, 2:].sum(axis=1)], 2, axis=0).T
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    axes.imshow(shares, cmap=colormaps["Blues"], vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{count}  ({share:.0%})" if totals[row, column] else "0",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if share > 0.6 else "black",
        )
    axes.set_xticks(range(len(cells)), [name for name, *_ in cells], fontsize=8)
    axes.set_yticks(range(len(pool.aus)), pool.aus, fontsize=8)
    axes.tick_params(length=0)
    return Illustration(
        name="confusion",
        title="Confusion of each AU at the default threshold",
        caption="Frames, and their share of the active or inactive frames.",
        figure=figure,
    )


def people(seeds: Sequence[Pooled], metrics: Sequence[str]) -> Illustration:
    """Metrics of each person, the worst last."""
    found = {name: by_person(seeds, name) for name in metrics}
    order = sorted(found[metrics[0]], key=lambda who: -np.nan_to_num(found[metrics[0]][who]))
    figure = Figure(figsize=(8.0, 0.2 * len(order) + 1.0), layout="constrained")
    grid = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    for axes, (name, values) in zip(grid, found.items(), strict=True):
        axes.plot([values[who] for who in order], range(len(order)), "o", color=BLUE, ms=4)
        axes.set_xlabel(f"{metric_title(name)}, mean over the AUs", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
    grid[0].set_yticks(range(len(order)), [shortened(who, 24) for who in order], fontsize=7)
    grid[0].set_ylim(len(order) - 0.4, -0.6)
    return Illustration(
        name="people",
        title="People",
        caption="On each person's own frames, over the AUs that are defined there.",
        figure=figure,
    )


def _by_au(pool: Pooled, draw: Callable[[Axes, int], None], x: str, y: str) -> Figure:
    """A small square plot per AU."""
    lines = -(-len(pool.aus) // _COLUMNS)
    figure = Figure(figsize=(8.0, 2.05 * lines + 0.2), layout="constrained")
    grid = figure.subplots(lines, _COLUMNS, squeeze=False)
    for au, (name, axes) in enumerate(zip(pool.aus, grid.flat, strict=False)):
        draw(axes, au)
        axes.set_title(name, fontsize=8)
        axes.set_xlabel(x, fontsize=7)
        axes.set_ylabel(y, fontsize=7)
        axes.tick_params(labelsize=6)
        axes.set_box_aspect(1)
    for axes in grid.flat[len(pool.aus) :]:
        axes.set_axis_off()
    return figure


def all_figures(seeds: Sequence[Pooled], name: str) -> list[Illustration]:
    """All figures of one method on one set; those by AU show its first seed."""
    pool = seeds[0]
    which = " First seed only." if len(seeds) > 1 else ""
    found = [
        replace(each, caption=each.caption + which)
        for each in (roc(pool), calibration(pool), confusion(pool))
    ]
    if len(pool.people) > 1:
        found.append(people(seeds, ["f1", "2afc"]))
    return [replace(each, title=f"{name}: {each.title}") for each in found]
