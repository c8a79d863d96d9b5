"""predictions.parquet (predictions.csv without pyarrow): one row per frame and AU.

Columns: frame, subject, dataset or fold and seed, AU, truth (the label), active (the label as 1 or
0), output, probability (empty where intensities are regressed), threshold, tuned_threshold (chosen
on validation people; empty without any), labels (their kind).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audetnet.data.tables import read_frame
from audetnet.errors import UserError, first_few
from audetnet.evaluation.metrics import Array
from audetnet.files.atomic import write_bytes
from audetnet.files.csv import write_csv
from audetnet.labels import LabelKind
from audetnet.results.predictions import PredictionSet

if TYPE_CHECKING:
    import pandas as pd

_STEM = "predictions"
_TEXTS = ("frame", "subject", "AU", "labels")
_NUMBERS = ("truth", "active", "output", "probability", "threshold", "tuned_threshold")


def write_predictions(directory: Path, subsets: Sequence[PredictionSet]) -> Path:
    """Write the predictions of folds (with a seed) or datasets atomically. Raises UserError."""
    import pandas as pd

    table = pd.concat([_rows(subset) for subset in subsets], ignore_index=True)
    suffix, other = ("parquet", "csv") if find_spec("pyarrow") else ("csv", "parquet")
    path = directory / f"{_STEM}.{suffix}"
    if suffix == "parquet":
        write_bytes(path, lambda file: table.to_parquet(file, index=False))
    else:
        lines = table.astype(object).where(table.notna(), None)
        write_csv(path, [list(table.columns), *lines.itertuples(index=False)])
    path.with_suffix(f".{other}").unlink(missing_ok=True)
    return path


def read_predictions(directory: Path) -> list[PredictionSet]:
    """The sets in the order in which they were written. Raises UserError, also if a frame is
    predicted twice.
    """
    path = _found(directory)
    table = read_frame(path)
    places = [name for name in ("fold", "dataset", "seed") if name in table.columns]
    missing = [name for name in (*_TEXTS, *_NUMBERS) if name not in table.columns]
    if missing or not places:
        raise UserError(f"{path}: no column {first_few(missing or ['fold'])}; write it again")
    for name in _NUMBERS:
        table[name] = _numbers(path, table[name])
    _check_once(path, table)
    groups = table.groupby(places, sort=False, observed=True)
    return [
        _prediction_set(path, dict(zip(places, key, strict=True)), rows) for key, rows in groups
    ]


def _found(directory: Path) -> Path:
    for suffix in ("parquet", "csv"):
        path = directory / f"{_STEM}.{suffix}"
        if path.is_file():
            return path
    raise UserError(
        f"{directory}: no {_STEM}.parquet or {_STEM}.csv; expected a directory written by evaluate "
        "or cross-validate"
    )


def _rows(subset: PredictionSet) -> "pd.DataFrame":
    import pandas as pd

    count, aus = subset.outputs.shape
    probabilities = subset.probabilities
    nothing = np.full(subset.outputs.size, np.nan)
    place: dict[str, Any] = {"dataset": subset.part}
    if subset.seed is not None:
        place = {"fold": subset.part, "seed": subset.seed}
    tuned = nothing if subset.tuned is None else np.tile(subset.tuned, count)
    return pd.DataFrame(
        {
            "frame": np.array(subset.frames, object).repeat(aus),
            "subject": np.array(subset.subjects, object).repeat(aus),
            **place,
            "AU": np.tile(np.array(subset.aus, object), count),
            "truth": subset.truth.ravel(),
            "active": subset.active.ravel(),
            "output": subset.outputs.ravel(),
            "probability": nothing if probabilities is None else probabilities.ravel(),
            "threshold": np.tile(subset.threshold, count),
            "tuned_threshold": tuned,
            "labels": subset.kind,
        }
    )


def _numbers(path: Path, column: "pd.Series[Any]") -> Array:
    import pandas as pd

    try:
        return pd.to_numeric(column.replace("", None)).to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: column {column.name}: {error}") from error


def _check_once(path: Path, table: "pd.DataFrame") -> None:
    """Raise UserError if a frame is predicted twice within a seed or dataset."""
    within = "dataset" if "dataset" in table.columns else "seed"
    twice = table.duplicated([within, "frame", "AU"])
    if twice.any():
        frames = list(dict.fromkeys(table.loc[twice, "frame"].astype(str)))
        raise UserError(f"{path}: frames predicted twice within a {within}: {first_few(frames)}")


def _prediction_set(path: Path, place: dict[str, Any], rows: "pd.DataFrame") -> PredictionSet:
    aus = tuple(dict.fromkeys(rows["AU"].astype(str)))
    frames = tuple(rows["frame"].astype(str).iloc[:: len(aus)])
    shape = len(frames), len(aus)
    grid = (np.repeat(np.array(frames, object), len(aus)), np.tile(np.array(aus, object), shape[0]))
    if len(rows) != shape[0] * shape[1] or not all(
        np.array_equal(rows[name].astype(str).to_numpy(object), expected)
        for name, expected in zip(("frame", "AU"), grid, strict=True)
    ):
        raise UserError(f"{path}: {_described(place)}: some frames lack a row for some AU")

    def values(name: str) -> Array:
        return np.asarray(rows[name].to_numpy(np.float64).reshape(shape))

    kind: LabelKind = "intensity" if rows["labels"].iloc[0] == "intensity" else "occurrence"
    tuned = values("tuned_threshold")[0]
    return PredictionSet(
        part=str(place.get("fold", place.get("dataset"))),
        seed=int(place["seed"]) if "seed" in place else None,
        frames=frames,
        subjects=tuple(rows["subject"].astype(str).iloc[:: len(aus)]),
        aus=aus,
        kind=kind,
        regressed=bool(np.isnan(values("probability")).all()),
        truth=values("truth"),
        active=values("active"),
        outputs=values("output"),
        threshold=values("threshold")[0],
        tuned=None if np.isnan(tuned).any() else tuned,
    )


def _described(place: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in place.items())
