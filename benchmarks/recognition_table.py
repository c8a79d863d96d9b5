"""The table and the figure of recognition.py."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from recognition_measures import Result

from audetnet.baselines.method import MEAN, PLAIN, over_people
from audetnet.data.frames import Dataset
from audetnet.drawing import Figure
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Estimate, Statistic

Rows = Mapping[str, Sequence[Result]]
"""The results of each arm or baseline, one per seed, by title."""
_RECOGNITION = {
    "AUC": ("auc", PLAIN),
    "F1": ("f1", PLAIN),
    "F1 at 0.5": ("f1_fixed", PLAIN),
    "AUC, 5 at rest": ("auc", "5"),
    "F1, 5": ("f1", "5"),
    "AUC, 20": ("auc", "20"),
    "F1, 20": ("f1", "20"),
}
_CODES = {
    "leak, linear": "leak_linear",
    "leak, RBF": "leak_rbf",
    "leak, fresh AUPredictor": "fresh_leak",
    "identity in z1": "identity_z1",
    "floor of outputs": "identity floor outputs",
    "identity in z2": "identity_z2",
}
_PICTURES = {
    "L1": "L1",
    "judge on reconstructions": "judge on reconstructions",
    "exchange: AUs with z1": "exchange AUs",
    "exchange: person with z2": "exchange person",
}
_PAIRED = ("AUC", "F1")
_LABELS = "identity floor labels"
_ABSENT = "-"
_PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AUC", ("AUC", "AUC, 5 at rest", "AUC, 20")),
    ("F1, thresholds of held-out people", ("F1", "F1, 5", "F1, 20")),
    ("leak of z2", ("leak, linear", "leak, RBF", "leak, fresh AUPredictor")),
    ("identity from z1 and z2", ("identity in z1", "floor of outputs", "identity in z2")),
    (
        "exchanged pictures",
        ("judge on reconstructions", "exchange: AUs with z1", "exchange: person with z2"),
    ),
    ("reconstruction, L1", ("L1",)),
)


class Numbers:
    """The numbers of all rows by column, one per seed."""

    def __init__(self, rows: Rows, base: str, dataset: Dataset) -> None:
        self._rows = rows
        self._base = base
        self._dataset = dataset
        self._statistics = {
            title: [self._of(result) for result in results] for title, results in rows.items()
        }
        known = {key for results in rows.values() for r in results for key in r.numbers}
        named = {*_CODES.values(), *_PICTURES.values()}
        self.factors = {
            f"z2: {key[3:]}": key for key in sorted(known) if key[:3] == "z2 " and key not in named
        }
        self.factors.pop("z2: person", None)

    @property
    def columns(self) -> list[str]:
        return [*_RECOGNITION, *_CODES, *self.factors, *_PICTURES]

    def _of(self, result: Result) -> dict[str, Statistic]:
        test, names, method = self._dataset.test, self._dataset.au_names, result.method
        found = {ref: method.statistics(ref, test, names) for ref in method.by_reference}
        return {
            column: found[reference][metric, MEAN]
            for column, (metric, reference) in _RECOGNITION.items()
            if reference in found
        }

    def values(self, title: str, column: str) -> list[float]:
        """The value for each seed that has one."""
        if column in _RECOGNITION:
            everyone = np.ones(self._dataset.test.people)
            found = [s[column](everyone) for s in self._statistics[title] if column in s]
        else:
            key = {**_CODES, **_PICTURES, **self.factors}[column]
            found = [r.numbers[key] for r in self._rows[title] if key in r.numbers]
        return [value for value in found if not np.isnan(value)]

    def difference(self, title: str, column: str) -> Estimate | None:
        """Difference from the base, between medians over seeds, with its interval over people, who
        are resampled alike for both.
        """
        if title == self._base or self._base not in self._rows:
            return None
        own, base = (_median([s[column] for s in self._statistics[t]]) for t in (title, self._base))
        return over_people(lambda w: own(w) - base(w), self._dataset.test, 0)

    def floor(self) -> float:
        """How well the true AU labels identify people."""
        found = [
            r.numbers[_LABELS]
            for results in self._rows.values()
            for r in results
            if _LABELS in r.numbers
        ]
        return float(np.median(found)) if found else float("nan")


def _median(statistics: Sequence[Statistic]) -> Callable[[Array], float]:
    return lambda weights: float(np.median([statistic(weights) for statistic in statistics]))


def markdown(numbers: Numbers, rows: Rows) -> str:
    """Medians over seeds, a row per arm, with the difference from the base and its interval."""
    lines = [["", "seeds", *numbers.columns]]
    for title, results in rows.items():
        cells = [title, str(len(results))]
        for column in numbers.columns:
            values = numbers.values(title, column)
            cell = f"{np.median(values):.3f}" if values else _ABSENT
            if column in _PAIRED and (gain := numbers.difference(title, column)) is not None:
                cell += f" ({gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}])"
            cells.append(cell)
        lines.append(cells)
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def draw(numbers: Numbers, rows: Rows, path: Path) -> None:
    """A panel per group of columns: medians as large marks, seeds as small ones."""
    titles = list(rows)[::-1]
    figure = Figure(figsize=(4 + 2.6 * (len(_PANELS) + 1), 1.8 + 0.32 * len(titles)))
    FigureCanvasAgg(figure)
    panels = (*_PANELS, ("z2 knows (R2)", tuple(numbers.factors)))
    axes = figure.subplots(1, len(panels), sharey=True)
    for axis, (heading, columns) in zip(axes, panels, strict=True):
        step = 0.54 / max(3, len(columns))
        for place, column in enumerate(columns):
            color, marker = f"C{place}", "osDv^P*X"[place % 8]
            label: str | None = column
            for row, title in enumerate(titles):
                values = numbers.values(title, column)
                if not values:
                    continue
                height = row + step * (len(columns) - 1) / 2 - step * place
                axis.plot(values, [height] * len(values), marker, color=color, ms=2.5, alpha=0.5)
                axis.plot(np.median(values), height, marker, color=color, ms=6, label=label)
                label = None
        axis.set_title(heading, fontsize=10)
        axis.grid(axis="x", alpha=0.3)
        axis.set_ylim(-0.6, len(titles) - 0.4)
        for row in range(1, len(titles)):
            axis.axhline(row - 0.5, color="0.9", lw=0.8)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=3)
    floor = numbers.floor()
    if not np.isnan(floor):
        axes[3].axvline(floor, color="0.4", ls=":")
        axes[3].text(floor, -0.55, " floor of the labels", fontsize=7, color="0.4")
    axes[2].axvline(0, color="0.4", ls=":")
    axes[0].set_yticks(range(len(titles)), titles, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110, bbox_inches="tight")
