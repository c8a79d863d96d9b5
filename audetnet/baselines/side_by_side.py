"""Methods side by side: a printed table, results.json and results.csv."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

from audetnet.baselines.method import MEAN, METRICS, PLAIN, Method
from audetnet.console.text_table import text_table
from audetnet.data.frames import Dataset
from audetnet.evaluation.people import Estimate
from audetnet.files.atomic import write_text
from audetnet.files.csv import Cell, write_csv

Estimates = Mapping[tuple[str, str, str], Estimate]
"""By reference, metric and AU (or ``MEAN``)."""
_ABSENT = "-"


def measured(methods: Sequence[Method], dataset: Dataset, seed: int) -> dict[str, Estimates]:
    """All estimates of every method, by its name."""
    return {m.name: m.estimates(dataset.test, dataset.au_names, seed) for m in methods}


def table_text(found: Mapping[str, Estimates], au_names: Sequence[str]) -> str:
    """Means with intervals, by method and reference; below, AUC and F1 of each AU, without one."""
    metrics = [name for name in METRICS if any(key[1] == name for e in found.values() for key in e)]
    rows = [["", "frames at rest", *(METRICS[name] for name in metrics)]]
    for method, estimates in found.items():
        for reference in dict.fromkeys(key[0] for key in estimates):
            cells = (_with_interval(estimates.get((reference, m, MEAN))) for m in metrics)
            rows.append([method, reference, *cells])
    methods = list(found)
    by_au = [["AU", *(f"{METRICS[m]} {name}" for name in methods for m in ("auc", "f1"))]]
    for au in au_names:
        numbers = (found[name][PLAIN, m, au].value for name in methods for m in ("auc", "f1"))
        by_au.append([au, *map(_number, numbers)])
    return f"{text_table(rows)}\n\n{text_table(by_au)}"


def write_results(
    directory: Path,
    facts: Mapping[str, str],
    methods: Sequence[Method],
    found: Mapping[str, Estimates],
) -> None:
    """Write results.json and results.csv. Raises FileError."""
    numbers = {
        method.name: {
            "thresholds chosen on": method.tuned_on,
            "numbers": [
                {"frames_at_rest": reference, "metric": metric, "au": au, **_plain(estimate)}
                for (reference, metric, au), estimate in found[method.name].items()
            ],
        }
        for method in methods
    }
    text = json.dumps({"facts": dict(facts), "methods": numbers}, indent=1)
    write_text(directory / "results.json", f"{text}\n")
    write_csv(directory / "results.csv", _lines(found))


def _lines(found: Mapping[str, Estimates]) -> Iterator[list[Cell]]:
    yield ["method", "frames_at_rest", "metric", "au", "value", "low", "high"]
    for name, estimates in found.items():
        for key, estimate in estimates.items():
            yield [name, *key, *_plain(estimate).values()]


def _plain(estimate: Estimate) -> dict[str, float | None]:
    values = asdict(estimate)
    return {key: None if isnan(values[key]) else values[key] for key in ("value", "low", "high")}


def _number(value: float) -> str:
    return _ABSENT if isnan(value) else f"{value:.3f}"


def _with_interval(estimate: Estimate | None) -> str:
    if estimate is None or isnan(estimate.value):
        return _ABSENT
    if isnan(estimate.low):
        return _number(estimate.value)
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
