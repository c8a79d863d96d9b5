"""The tables of a cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.evaluation.metrics import metric_title
from audetnet.results.comparison import verdict
from audetnet.results.estimates import FEW, MEAN, Estimates, active_frames, worst_person
from audetnet.results.folds import CrossValidated, Line
from audetnet.results.published import Published
from audetnet.results.sheet import Sheet, number, with_interval


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is reported: the method first, then what stands beside it. ``differences``: the method
    minus others, by their name.
    """

    facts: Mapping[str, str]
    notes: Sequence[str]
    methods: Sequence[CrossValidated]
    differences: Mapping[str, Estimates]
    published: Sequence[Published]

    @property
    def own(self) -> CrossValidated:
        return self.methods[0]


def main_sheets(report: Report) -> list[Sheet]:
    """The means over folds, the pooled numbers, and what is beside them."""
    found = [_over_folds(report), _pooled(report)]
    if report.differences:
        found.append(_differences(report))
    if report.published:
        found.append(_published(report))
    return found


def au_sheets(report: Report) -> list[Sheet]:
    """AUs by folds, a table a metric."""
    return [_by_fold(report.own, metric) for metric in report.own.lines]


def _metrics(report: Report) -> list[str]:
    """Those of any method, in the order of the first."""
    return list(dict.fromkeys(name for method in report.methods for name in method.lines))


def _over_folds(report: Report) -> Sheet:
    def cell(line: Line | None) -> str:
        return "-" if line is None else f"{number(line.mean)} ± {number(line.deviation)}"

    metrics = _metrics(report)
    seeds = len(report.own.seeds)
    return Sheet(
        title="Mean over folds",
        caption="Means over the AUs, then mean ± standard deviation over "
        f"{len(report.own.folds)} folds; each fold is the mean over "
        f"{'one training' if seeds == 1 else f'{seeds} trainings (seeds)'}.",
        header=("method", *map(metric_title, metrics)),
        rows=[
            [each.name, *(cell(each.lines.get(m, {}).get(MEAN)) for m in metrics)]
            for each in report.methods
        ],
    )


def _pooled(report: Report) -> Sheet:
    return Sheet(
        title="Pooled over folds",
        caption="Means over the AUs, of the frames of all folds at once; 95 % intervals, people "
        "drawn anew.",
        header=("metric", *(each.name for each in report.methods)),
        rows=[
            [
                metric_title(metric),
                *(with_interval(each.found.get(metric, {}).get(MEAN)) for each in report.methods),
            ]
            for metric in _metrics(report)
        ],
    )


def _differences(report: Report) -> Sheet:
    rows = []
    for other, found in report.differences.items():
        for metric, by_au in found.items():
            each = by_au[MEAN]
            p = "-" if each.p is None else number(each.p)
            title = metric_title(metric)
            rows.append([other, title, with_interval(each), p, verdict(metric, each)])
    return Sheet(
        title=f"{report.own.name} minus others",
        caption="Pooled means over the AUs; both are measured on the same people in each sample of "
        "them (paired bootstrap). A difference is real if its 95 % interval leaves out 0.",
        header=("than", "metric", "difference", "p", f"{report.own.name} is"),
        rows=rows,
    )


def _published(report: Report) -> Sheet:
    rows = []
    for metric, aus in dict.fromkeys((each.metric, each.aus) for each in report.published):
        if metric in report.own.lines:
            title = f"{metric_title(metric)}, {len(aus)} AUs"
            own = over_aus(report.own, metric, aus)
            rows.append([report.own.name, title, number(own), "this cross-validation"])
            rows += [
                [each.method, title, number(each.value), each.source]
                for each in report.published
                if (each.metric, each.aus) == (metric, aus)
            ]
    return Sheet(
        title="Published numbers",
        caption="Means over the AUs and over the three usual folds, as their papers print them. "
        "Some of them choose the epoch on the test fold.",
        header=("method", "metric", "mean", "source"),
        rows=rows,
    )


def over_aus(method: CrossValidated, metric: str, aus: Sequence[str]) -> float:
    """The mean of some AUs in each fold, then over folds."""
    folds = np.array([method.lines[metric][au].folds for au in aus])
    known = ~np.isnan(folds)
    means = [column[own].mean() for column, own in zip(folds.T, known.T, strict=True) if own.any()]
    return float(np.mean(means)) if means else float("nan")


def _by_fold(method: CrossValidated, metric: str) -> Sheet:
    counts = active_frames(method.pools[0])
    several = len(method.seeds) > 1
    rows = []
    for au, line in method.lines[metric].items():
        count = counts.get(au)
        rows.append(
            [
                f"{au} *" if count is not None and count < FEW else au,
                "" if count is None else str(count),
                *(number(value) for value in line.folds),
                number(line.mean),
                number(line.deviation),
                *([number(line.seed_deviation)] if several else []),
                with_interval(line.pooled),
            ]
        )
    return Sheet(
        title=f"{metric_title(metric)} by AU and fold",
        caption=f"{method.name}. sd: standard deviation over folds"
        + ("; sd (seeds): of the mean, from seed to seed" if several else "")
        + f". * fewer than {FEW} active frames: such numbers are chance.",
        header=(
            "AU",
            "active frames",
            *(f"fold {fold}" for fold in method.folds),
            "mean",
            "sd",
            *(["sd (seeds)"] if several else []),
            "pooled",
        ),
        rows=rows,
        has_mean=True,
    )


def worst_sheet(method: CrossValidated) -> Sheet:
    return Sheet(
        title="For whom it is worst",
        caption="Means over the AUs that are defined of the person's frames alone.",
        header=("metric", "all", "worst person", ""),
        rows=[
            [
                metric_title(metric),
                number(method.lines[metric][MEAN].pooled.value),
                worst.who,
                number(worst.value),
            ]
            for metric, worst in worst_person(method.pools).items()
        ],
    )
