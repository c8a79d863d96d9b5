"""The tables, numbers and page of an evaluation, all from its predictions."""

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
from audetnet.results.predictions import Piece, Pooled, pooled
from audetnet.results.sheet import Sheet, markdown, number, with_interval


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What was found of a model on one dataset."""

    name: str
    pool: Pooled
    found: Estimates
    person: Mapping[str, Worst]
    group: Mapping[str, Worst]


def evaluated(piece: Piece, groups: Groups, seed: int) -> Evaluated:
    """Everything of one dataset. ``seed`` says which people are drawn."""
    pool = pooled([piece])
    known = len(pool.people) > 1
    return Evaluated(
        name=piece.part,
        pool=pool,
        found=estimates([pool], seed),
        person=worst_person([pool]) if known else {},
        group=worst_group(piece, groups),
    )


def sheets(datasets: Sequence[Evaluated]) -> list[Sheet]:
    """The means of every dataset, then the AUs and the worst of each."""
    return [_means(datasets), *(sheet for one in datasets for sheet in (_aus(one), _worst(one)))]


def write_evaluation(
    directory: Path,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str],
    datasets: Sequence[Evaluated],
) -> None:
    """Write results.json, results.csv, tables.md and report.html. Raises FileError."""
    first, *further = sheets(datasets)
    content = {**facts, "notes": list(notes), "datasets": {d.name: _plain(d) for d in datasets}}
    write_text(directory / "results.json", json.dumps(content, indent=1) + "\n")
    write_csv(directory / "results.csv", _lines(datasets))
    write_text(directory / "tables.md", "\n".join(map(markdown, [first, *further])))
    metric = "icc" if all("icc" in one.found for one in datasets) else "f1"
    bars = figures.bars({d.name: d.found for d in datasets}, datasets[0].pool.aus, metric)
    page = Page(
        title=title,
        facts=facts,
        notes=notes,
        first=[first],
        figures=[bars, *(each for d in datasets for each in figures.of_pool([d.pool], d.name))],
        further=further,
    )
    write_page(directory / "report.html", page)


def _means(datasets: Sequence[Evaluated]) -> Sheet:
    metrics = dict.fromkeys(name for one in datasets for name in one.found)
    return Sheet(
        title="Means over the AUs",
        caption="Over the AUs for which a metric is defined; 95 % intervals, people drawn anew.",
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


def _mean(one: Evaluated, name: str) -> Estimate | None:
    return one.found[name][MEAN] if name in one.found else None


def _aus(one: Evaluated) -> Sheet:
    counts = active_frames(one.pool)
    rows = [
        [
            f"{au} *" if counts[au] < FEW else au,
            str(counts[au]),
            *(number(by_au[au].value) for by_au in one.found.values()),
        ]
        for au in one.pool.aus
    ]
    mean = ["mean", "", *(number(by_au[MEAN].value) for by_au in one.found.values())]
    return Sheet(
        title=f"{one.name}: AUs",
        caption=f"* fewer than {FEW} active frames: such numbers are chance. All intervals: "
        "results.csv.",
        header=("AU", "active frames", *map(metric_title, one.found)),
        rows=[*rows, mean],
        has_mean=True,
    )


def _worst(one: Evaluated) -> Sheet:
    def cells(worst: Mapping[str, Worst], name: str) -> list[str]:
        return [worst[name].who, number(worst[name].value)] if name in worst else ["-", "-"]

    shown = {"worst person": one.person, "worst group": one.group}
    shown = {who: worst for who, worst in shown.items() if worst}
    return Sheet(
        title=f"{one.name}: for whom it is worst",
        caption="Means over the AUs that are defined of these frames alone; groups are those that "
        "factors.csv names.",
        header=("metric", "all", *(cell for who in shown for cell in (who, ""))),
        rows=[
            [
                metric_title(name),
                number(by_au[MEAN].value),
                *(cell for worst in shown.values() for cell in cells(worst, name)),
            ]
            for name, by_au in one.found.items()
        ],
    )


def _plain(one: Evaluated) -> dict[str, Any]:
    counts = active_frames(one.pool)
    return {
        "frames": len(one.pool.frames),
        "people": len(one.pool.people),
        "active_frames": counts,
        "few": [au for au, count in counts.items() if count < FEW],
        "metrics": {
            name: {au: plain_estimate(each) for au, each in by_au.items()}
            for name, by_au in one.found.items()
        },
        "worst_person": plain_worst(one.person),
        "worst_group": plain_worst(one.group),
    }


def _lines(datasets: Sequence[Evaluated]) -> Iterator[list[Cell]]:
    yield ["dataset", "metric", "au", "active_frames", "value", "low", "high"]
    for one in datasets:
        counts: Mapping[str, int | None] = {**active_frames(one.pool), MEAN: None}
        for name, by_au in one.found.items():
            for au, each in by_au.items():
                yield [one.name, name, au, counts[au], *plain_estimate(each).values()]


def described(one: Evaluated) -> str:
    """What a dataset consists of, in words."""
    people = counted(len(one.pool.people), "person", "people")
    return f"{counted(len(one.pool.frames), 'frame')} of {people}"
