"""Tables, numbers and page of an evaluation, all computed from its predictions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audetnet.console.lines import counted
from audetnet.evaluation.metrics import metric_title
from audetnet.evaluation.people import Estimate
from audetnet.files.atomic import write_text
from audetnet.files.csv import Cell, write_csv
from audetnet.results import figures
from audetnet.results.estimates import (
    FEW,
    MEAN,
    Estimates,
    Worst,
    active_frames,
    estimates,
    worst_person,
)
from audetnet.results.groups import Groups, worst_group
from audetnet.results.page import Page, write_page
from audetnet.results.plain import plain_estimate, plain_worst
from audetnet.results.predictions import Pooled, PredictionSet, pooled
from audetnet.results.sheet import Sheet, markdown, number, with_interval


@dataclass(frozen=True, kw_only=True)
class DatasetResults:
    """The results of a model on one dataset."""

    name: str
    pool: Pooled
    estimates: Estimates
    person: Mapping[str, Worst]
    group: Mapping[str, Worst]


def evaluate_predictions(subset: PredictionSet, groups: Groups, seed: int) -> DatasetResults:
    """All results on one dataset. ``seed``: of the bootstrap."""
    pool = pooled([subset])
    return DatasetResults(
        name=subset.part,
        pool=pool,
        estimates=estimates([pool], seed),
        person=worst_person([pool]),
        group=worst_group(subset, groups),
    )


def sheets(datasets: Sequence[DatasetResults]) -> list[Sheet]:
    """Means of all datasets, then AUs and worst cases of each."""
    return [_means(datasets), *(sheet for one in datasets for sheet in (_aus(one), _worst(one)))]


def write_evaluation(
    directory: Path,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str],
    datasets: Sequence[DatasetResults],
) -> None:
    """Write results.json, results.csv, tables.md and report.html. Raises FileError."""
    first, *further = sheets(datasets)
    content = {**facts, "notes": list(notes), "datasets": {d.name: _plain(d) for d in datasets}}
    write_text(directory / "results.json", json.dumps(content, indent=1) + "\n")
    write_csv(directory / "results.csv", _lines(datasets))
    write_text(directory / "tables.md", "\n".join(map(markdown, [first, *further])))
    metric = "icc" if all("icc" in one.estimates for one in datasets) else "f1"
    bars = figures.bars({d.name: d.estimates for d in datasets}, datasets[0].pool.aus, metric)
    page = Page(
        title=title,
        facts=facts,
        notes=notes,
        first=[first],
        figures=[bars, *(each for d in datasets for each in figures.all_figures([d.pool], d.name))],
        further=further,
    )
    write_page(directory / "report.html", page)


def _means(datasets: Sequence[DatasetResults]) -> Sheet:
    metrics = dict.fromkeys(name for one in datasets for name in one.estimates)
    return Sheet(
        title="Means over the AUs",
        caption="Over the AUs for which a metric is defined; 95 % bootstrap intervals over people.",
        header=("metric", *(one.name for one in datasets)),
        rows=[
            ["frames", *(str(len(one.pool.frames)) for one in datasets)],
            ["people", *(str(len(one.pool.people)) for one in datasets)],
            *(
                [metric_title(name), *(with_interval(_mean(one, name)) for one in datasets)]
                for name in metrics
            ),
        ],
    )


def _mean(one: DatasetResults, name: str) -> Estimate | None:
    return one.estimates[name][MEAN] if name in one.estimates else None


def _aus(one: DatasetResults) -> Sheet:
    counts = active_frames(one.pool)
    rows = [
        [
            f"{au} *" if counts[au] < FEW else au,
            str(counts[au]),
            *(number(by_au[au].value) for by_au in one.estimates.values()),
        ]
        for au in one.pool.aus
    ]
    mean = ["mean", "", *(number(by_au[MEAN].value) for by_au in one.estimates.values())]
    return Sheet(
        title=f"{one.name}: AUs",
        caption=f"*: fewer than {FEW} active frames, mostly noise. Intervals: results.csv.",
        header=("AU", "active frames", *map(metric_title, one.estimates)),
        rows=[*rows, mean],
        has_mean=True,
    )


def _worst(one: DatasetResults) -> Sheet:
    def cells(worst: Mapping[str, Worst], name: str) -> list[str]:
        return [worst[name].who, number(worst[name].value)] if name in worst else ["-", "-"]

    shown = {"worst person": one.person, "worst group": one.group}
    shown = {who: worst for who, worst in shown.items() if worst}
    return Sheet(
        title=f"{one.name}: worst person and group",
        caption="Means over the AUs that are defined on these frames. Groups come from "
        "factors.csv.",
        header=("metric", "all", *(cell for who in shown for cell in (who, ""))),
        rows=[
            [
                metric_title(name),
                number(by_au[MEAN].value),
                *(cell for worst in shown.values() for cell in cells(worst, name)),
            ]
            for name, by_au in one.estimates.items()
        ],
    )


def _plain(one: DatasetResults) -> dict[str, Any]:
    counts = active_frames(one.pool)
    return {
        "frames": len(one.pool.frames),
        "people": len(one.pool.people),
        "active_frames": counts,
        "few": [au for au, count in counts.items() if count < FEW],
        "metrics": {
            name: {au: plain_estimate(each) for au, each in by_au.items()}
            for name, by_au in one.estimates.items()
        },
        "worst_person": plain_worst(one.person),
        "worst_group": plain_worst(one.group),
    }


def _lines(datasets: Sequence[DatasetResults]) -> Iterator[list[Cell]]:
    yield ["dataset", "metric", "au", "active_frames", "value", "low", "high"]
    for one in datasets:
        counts: Mapping[str, int | None] = {**active_frames(one.pool), MEAN: None}
        for name, by_au in one.estimates.items():
            for au, each in by_au.items():
                yield [one.name, name, au, counts[au], *plain_estimate(each).values()]


def described(one: DatasetResults) -> str:
    """The size of a dataset in words."""
    people = counted(len(one.pool.people), "person", "people")
    return f"{counted(len(one.pool.frames), 'frame')} of {people}"
