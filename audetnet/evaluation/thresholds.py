"""The AUs' thresholds: how they are chosen, and their file in a run directory."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np

from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array
from audetnet.files.atomic import write_text
from audetnet.files.json import read_json

THRESHOLDS_FILE = "thresholds.json"
"""In a run directory."""
Scale = Literal["probability", "intensity"]
"""The outputs' scale: probability of being active (0-1), or intensity (0-5)."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """An AU is active if its output is at least the threshold. ``default`` and ``validation`` are
    (A,), in the order of ``aus``: those of the AU loss, and those that maximise F1 on the
    validation people (None without validation people; the default for AUs they never show).
    ``epoch`` (from 1) is the epoch that they belong to.
    """

    aus: tuple[str, ...]
    scale: Scale
    epoch: int
    default: Array
    validation: Array | None


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write the file atomically. Raises FileError."""
    write_text(path, json.dumps(thresholds_as_json(thresholds), indent=1) + "\n")


def thresholds_as_json(thresholds: Thresholds) -> dict[str, Any]:
    """As JSON data."""
    tuned = thresholds.validation
    return {
        "scale": thresholds.scale,
        "epoch": thresholds.epoch,
        "default": _by_au(thresholds.aus, thresholds.default),
        "validation": None if tuned is None else _by_au(thresholds.aus, tuned),
    }


def read_thresholds(run: Path) -> Thresholds:
    """The thresholds of a run directory. Raises UserError."""
    path = run / THRESHOLDS_FILE
    if not path.exists():
        raise UserError(
            f"{path}: no such file; it is written at the end of a run: let the run finish, or, if "
            "it was trained by an earlier version, run its train command again"
        )
    thresholds = thresholds_of_json(read_json(path))
    if thresholds is None:
        raise UserError(f"{path}: expected a file written by train: scale, epoch, thresholds by AU")
    return thresholds


def thresholds_of_json(content: Any) -> Thresholds | None:
    """The inverse of ``thresholds_as_json``; None for anything else."""
    if not _is_valid(content):
        return None
    aus, tuned = tuple(content["default"]), content["validation"]
    return Thresholds(
        aus=aus,
        scale=content["scale"],
        epoch=content["epoch"],
        default=np.array(list(content["default"].values()), float),
        validation=None if tuned is None else np.array([tuned[au] for au in aus], float),
    )


def _is_valid(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    default, tuned = content.get("default"), content.get("validation")
    if not _is_numbers(default):
        return False
    return (
        content.get("scale") in ("probability", "intensity")
        and type(content.get("epoch")) is int
        and (tuned is None or (_is_numbers(tuned) and [*tuned] == [*default]))
    )


def _is_numbers(values: Any) -> TypeGuard[dict[str, float]]:
    return isinstance(values, dict) and all(
        type(value) in (int, float) and math.isfinite(value) for value in values.values()
    )


def _by_au(aus: tuple[str, ...], values: Array) -> dict[str, float]:
    return dict(zip(aus, values.tolist(), strict=True))


def best_f1_threshold(scores: Array, labels: Array) -> float:
    """The threshold that maximises the F1 of ``scores >= threshold``, half way to the next lower
    score; the highest one on ties. scores, labels (N,): 0/1, NaN is ignored. NaN if no frame is
    active.
    """
    known = ~np.isnan(labels) & ~np.isnan(scores)
    order = np.argsort(-scores[known], kind="stable")
    ranked, active = scores[known][order], labels[known][order] == 1
    if not active.any():
        return float("nan")
    f1 = 2 * np.cumsum(active) / (np.arange(1, len(ranked) + 1) + active.sum())
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal scores get equal decisions
    best = int(np.argmax(np.where(ends, f1, -1)))
    if best + 1 == len(ranked):
        return float(ranked[best])
    return float((ranked[best] + ranked[best + 1]) / 2)


def best_f1_thresholds(scores: Array, labels: Array) -> Array:
    """``best_f1_threshold`` of each AU, (A,), from scores and labels (N, A)."""
    columns = range(labels.shape[1])
    return np.array([best_f1_threshold(scores[:, au], labels[:, au]) for au in columns])
