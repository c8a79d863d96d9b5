"""From which output on an AU counts as active: the choice, and the file of it in a run."""

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
"""Within a run directory."""
Scale = Literal["probability", "intensity"]
"""What outputs are: probabilities of being active (0-1), or intensities (0-5)."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """An AU is active from this output on. ``default`` and ``validation`` are (A,), in the order of
    ``aus``: what the AU loss says, and what maximises F1 on the validation people; None without
    them, the default where they never show an AU. ``epoch`` (from 1) is the one that they are of.
    """

    aus: tuple[str, ...]
    scale: Scale
    epoch: int
    default: Array
    validation: Array | None


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write the file whole. Raises FileError."""
    write_text(path, json.dumps(thresholds_as_json(thresholds), indent=1) + "\n")


def thresholds_as_json(thresholds: Thresholds) -> dict[str, Any]:
    """As plain JSON data."""
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
            f"{path}: no such file; a run writes it at its end: let it finish, or, if it was "
            "trained by an earlier version, type its train command again"
        )
    thresholds = thresholds_of_json(read_json(path))
    if thresholds is None:
        raise UserError(f"{path}: expected what train writes there: scale, epoch, thresholds by AU")
    return thresholds


def thresholds_of_json(content: Any) -> Thresholds | None:
    """The inverse of ``thresholds_as_json``; None for anything else."""
    if not _is_right(content):
        return None
    aus, tuned = tuple(content["default"]), content["validation"]
    return Thresholds(
        aus=aus,
        scale=content["scale"],
        epoch=content["epoch"],
        default=np.array(list(content["default"].values()), float),
        validation=None if tuned is None else np.array([tuned[au] for au in aus], float),
    )


def _is_right(content: Any) -> bool:
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
    """The threshold with the highest F1 of ``scores >= threshold``, half way to the next lower
    score; the highest of several. scores, labels (N,): 0/1, NaN takes no part. NaN where no frame
    is active.
    """
    known = ~np.isnan(labels) & ~np.isnan(scores)
    order = np.argsort(-scores[known], kind="stable")
    ranked, active = scores[known][order], labels[known][order] == 1
    if not active.any():
        return float("nan")
    f1 = 2 * np.cumsum(active) / (np.arange(1, len(ranked) + 1) + active.sum())
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal scores are decided alike
    best = int(np.argmax(np.where(ends, f1, -1)))
    if best + 1 == len(ranked):
        return float(ranked[best])
    return float((ranked[best] + ranked[best + 1]) / 2)


def best_f1_thresholds(scores: Array, labels: Array) -> Array:
    """Of each AU, (A,), from (N, A) each."""
    columns = range(labels.shape[1])
    return np.array([best_f1_threshold(scores[:, au], labels[:, au]) for au in columns])
