"""Figure of row 10: how much predictions vary over people and over expressions, by AU."""

import textwrap
from collections.abc import Mapping

from audetnet.disentangling.figures import (
    BLUE,
    ORANGE,
    Illustration,
    draw_interval,
    set_title,
    shortened,
)
from audetnet.drawing import Figure
from audetnet.evaluation.people import Estimate

Spreads = Mapping[str, tuple[Estimate, Estimate]]
"""By AU: over people with the same expression, over expressions of the same person."""
_PER_LINE = 3


def spread_by_au(spreads: Mapping[str, Spreads], source: str) -> Illustration:
    """A panel for each run, by name; ``source``: how it is known which frames show the same
    expression.
    """
    names = list(dict.fromkeys(au for one in spreads.values() for au in one))
    columns, lines = min(_PER_LINE, len(spreads)), -(-len(spreads) // _PER_LINE)
    width, height = 3.3 * columns + 0.9, lines * (0.26 * len(names) + 1.3) + 0.5
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes, (run, own) in zip(grid.flat, spreads.items(), strict=False):
        for au, (over_people, over_expressions) in own.items():
            draw_interval(axes, names.index(au) - 0.14, over_people, ORANGE)
            draw_interval(axes, names.index(au) + 0.14, over_expressions, BLUE)
        axes.set_title(textwrap.fill(run, 40), fontsize=8.5)
        axes.set_xlabel("standard deviation of predictions", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(axis="x", alpha=0.25)
    for axes in grid.flat[len(spreads) :]:
        axes.set_axis_off()
    first = grid[0, 0]
    first.set_yticks(range(len(names)), [shortened(name, 16) for name in names])
    first.set(ylim=(len(names) - 0.4, -0.6))
    first.set_xlim(left=0)
    title = "The same expression on other people, against other expressions"
    set_title(figure, title, width)
    caption = (
        "Orange: how much the predictions of an AU vary over people with the same expression "
        f"(known by {source}); blue: over expressions of the same person; whiskers: 95 % intervals "
        "over people. Good: orange is near 0 and far to the left of blue."
    )
    return Illustration(name="same_expression", title=title, caption=caption, figure=figure)
