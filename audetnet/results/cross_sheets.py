"""The tables of a cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audetnet.console.lines import counted
from audetnet.evaluation.metrics import metric_title
from audetnet.results.comparison import verdict
from audetnet.results.estimates import FEW, MEAN, Estimates, active_frames, worst_person
from audetnet.results.folds import CrossValidation, FoldValues
from audetnet.results.published import Published
from audetnet.results.sheet import Sheet, number, with_interval


@dataclass(frozen=True, kw_only=True)
class Report:
    """``methods``: the cross-validated cfg first, then the baselines. ``differences``: the first
    method minus each other, by the other's name.
    """

    facts: Mapping[str, str]
    notes: Sequence[str]
    methods: Sequence[CrossValidation]
    differences: Mapping[str, Estimates]
    published: Sequence[Published]

    @property
    def own(self) -> CrossValidation:
        return self.methods[0]


def main_sheets(report: Report) -> list[Sheet]:
    """Means over folds, pooled metrics, differences and published numbers."""
    found = [_over_folds(report), _pooled(report)]
    if report.differences:
        found.append(_differences(report))
    if report.published:
        found.append(_published(report))
    return found


def au_sheets(report: Report) -> list[Sheet]:
    """One table per metric: AUs by folds."""
    return [_by_fold(report.own, metric) for metric in report.own.table]


def _metrics(report: Report) -> list[str]:
    return list(dict.fromkeys(name for method in report.methods for name in method.table))


def _over_folds(report: Report) -> Sheet:
    def cell(line: FoldValues | None) -> str:
        if line is None or np.isnan(line.deviation):
            return number(None if line is None else line.mean)
        return f"{number(line.mean)} ± {number(line.deviation)}"

    metrics = _metrics(report)
    seeds = len(report.own.seeds)
    return Sheet(
        title="Mean over folds",
        caption="Mean over the AUs, then mean ± standard deviation over "
        f"{counted(len(report.own.folds), 'fold')}"
        + (f"; each fold is averaged over {seeds} seeds." if seeds > 1 else "."),
        header=("method", *map(metric_title, metrics)),
        rows=[
            [each.name, *(cell(each.table.get(m, {}).get(MEAN)) for m in metrics)]
            for each in report.methods
        ],
    )


def _pooled(report: Report) -> Sheet:
    return Sheet(
        title="Pooled over folds",
        caption="Means over the AUs, on the frames of all folds together; 95 % bootstrap intervals "
        "over people.",
        header=("metric", *(each.name for each in report.methods)),
        rows=[
            [
                metric_title(metric),
                *(with_interval(each.pooled.get(metric, {}).get(MEAN)) for each in report.methods),
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
        caption="Pooled means over the AUs for which both are defined. Paired bootstrap: both are "
        "measured on the same people in each sample. A difference is real if its 95 % interval "
        "excludes 0; p is not corrected for the number of tests.",
        header=("compared with", "metric", "difference", "p", f"{report.own.name} is"),
        rows=rows,
    )


def _published(report: Report) -> Sheet:
    rows = []
    for metric, aus in dict.fromkeys((each.metric, each.aus) for each in report.published):
        if metric in report.own.table:
            title = f"{metric_title(metric)}, {len(aus)} AUs"
            own = over_aus(report.own, metric, aus)
            folds = counted(len(report.own.folds), "fold")
            rows.append([report.own.name, title, number(own), f"this cross-validation, {folds}"])
            rows += [
                [each.method, title, number(each.value), each.source]
                for each in report.published
                if (each.metric, each.aus) == (metric, aus)
            ]
    return Sheet(
        title="Published numbers",
        caption="Means over the AUs and over the usual three folds, as printed in the papers. Some "
        "of them choose the epoch on the test fold.",
        header=("method", "metric", "mean", "source"),
        rows=rows,
    )


def over_aus(method: CrossValidation, metric: str, aus: Sequence[str]) -> float:
    """A metric averaged over some AUs in each fold, then over folds."""
    folds = np.array([method.table[metric][au].folds for au in aus])
    known = ~np.isnan(folds)
    means = [column[own].mean() for column, own in zip(folds.T, known.T, strict=True) if own.any()]
    return float(np.mean(means)) if means else float("nan")


def _by_fold(method: CrossValidation, metric: str) -> Sheet:
    counts = active_frames(method.pools[0])
    several = len(method.seeds) > 1
    rows = []
    for au, line in method.table[metric].items():
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
        + ("; sd (seeds): standard deviation of the mean over seeds" if several else "")
        + f". *: fewer than {FEW} active frames, mostly noise.",
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


def worst_sheets(method: CrossValidation) -> list[Sheet]:
    """One table; none where subjects are unknown."""
    rows = [
        [
            metric_title(metric),
            number(method.table[metric][MEAN].pooled.value),
            worst.who,
            number(worst.value),
        ]
        for metric, worst in worst_person(method.pools).items()
    ]
    sheet = Sheet(
        title="Worst person",
        caption="Means over the AUs that are defined on the person's own frames.",
        header=("metric", "all", "worst person", ""),
        rows=rows,
    )
    return [sheet] if rows else []
