"""The results of an epoch as JSON data (undefined numbers are None), and as tables."""

import math
from collections.abc import Mapping
from typing import Any

from audetnet.console.lines import counted
from audetnet.console.text_table import text_table
from audetnet.evaluation.evaluate import SetResults
from audetnet.evaluation.metrics import METRICS, metric_title
from audetnet.files.csv import Cell, csv_text

Record = dict[str, Any]
"""One line of metrics.jsonl."""


def set_record(results: SetResults) -> Record:
    """A set's results: frames, losses, code statistics, and every metric's mean and values by
    AU.
    """
    return {
        "frames": results.frames,
        "loss": finite_or_none(results.losses),
        "code": finite_or_none(results.code),
        "mean": finite_or_none(results.means()),
        "au": {name: finite_or_none(values) for name, values in results.metrics.items()},
    }


def tuned_thresholds(record: Record) -> dict[str, float | None] | None:
    """The thresholds chosen on an epoch's validation people, by AU; None without validation people,
    or in records of older versions.
    """
    found: dict[str, float | None] | None = record.get("validation", {}).get("thresholds")
    return found


def selection_metric(regress: bool) -> str:
    """The metric that selects the best epoch: higher is better."""
    return "icc" if regress else "f1"


def shown_metrics(result: Record) -> list[str]:
    """The metrics of a set that are shown after every epoch."""
    return [name for name, entry in METRICS.items() if entry.shown and name in result["mean"]]


def best_index(history: list[Record], name: str, metric: str) -> int:
    """The epoch (from 0) with the highest mean of a set's metric, the first one on ties; the last
    one if it is always undefined.
    """
    values = [record[name]["mean"][metric] for record in history]
    if all(value is None for value in values):
        return len(values) - 1
    return max(range(len(values)), key=lambda i: -math.inf if values[i] is None else values[i])


def finite_or_none(values: dict[str, float]) -> dict[str, float | None]:
    """The values with None instead of NaN and infinity, which JSON lacks."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def result_table(result: Record) -> str:
    """The metrics of a set as text, a row per AU and one for the mean; '-' if undefined."""
    metrics = list(result["au"])
    aus = list(result["au"][metrics[0]])
    rows = [["", *(metric_title(name) for name in metrics)]]
    rows += [[au, *(_short(result["au"][name][au]) for name in metrics)] for au in aus]
    rows.append(["mean", *(_short(result["mean"][name]) for name in metrics)])
    return text_table(rows)


REFERENCE_TITLE = (
    "Test set with person references: each frame minus the median over so many frames of its "
    "person.\nThis uses other frames of the test people, without labels; none: the result of the "
    "table above."
)


def reference_table(plain_result: Record, with_references: Mapping[str, Record]) -> str:
    """The means of a set's metrics: a row for the result without reference frames and one for each
    number of reference frames.
    """
    results = {"none": plain_result, **with_references}
    metrics = [m for m in plain_result["mean"] if all(m in r["mean"] for r in results.values())]
    rows = [["reference frames", *(metric_title(name) for name in metrics)]]
    rows += [
        [name, *(_short(result["mean"][metric]) for metric in metrics)]
        for name, result in results.items()
    ]
    return text_table(rows)


def result_csv(result: Record) -> str:
    """The same table as CSV; undefined metrics are empty."""
    metrics = list(result["au"])
    rows: list[list[Cell]] = [["au", *metrics]]
    for au in result["au"][metrics[0]]:
        rows.append([au, *(result["au"][name][au] for name in metrics)])
    rows.append(["mean", *(result["mean"][name] for name in metrics)])
    return csv_text(rows)


def frame_count_text(record: Record, total: int) -> str:
    """``30 frames``, or ``8 of 30 frames`` if a record covers only part of a set."""
    frames = record["frames"]
    return counted(frames, "frame") if frames == total else f"{frames} of {total} frames"


def epoch_line(record: Record, max_epochs: int, test_frames: int) -> str:
    """An epoch as one line. ``test_frames``: the size of the test set."""
    train, test = record["train"], record["test"]
    parts = [f"epoch {record['epoch']}/{max_epochs}"]
    parts += [
        f"{name.removesuffix('_loss')} {_short(train.get(name))}"
        for name in ("au_loss", "reconstruction_loss")
    ]
    for name in ("validation", "test"):
        if name in record:
            means, shown = record[name]["mean"], shown_metrics(record[name])
            numbers = " ".join(f"{metric_title(m)} {_short(means[m])}" for m in shown)
            part = name == "test" and test["frames"] < test_frames
            of = f" ({frame_count_text(test, test_frames)})" if part else ""
            parts.append(f"{name}{of}: {numbers}")
    parts.append(f"xcov {_short(test['code'].get('z1_z2_cross_correlation'))}")
    parts.append(f"{record['seconds']:.1f} s in total")
    return "  ".join(parts)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
