"""predictions.parquet (predictions.csv without pyarrow): a row for each frame and AU.

Columns: frame, subject, dataset or fold and seed, AU, truth (the label), active (the label as 1 or
0), output, probability (empty where intensities are regressed), threshold, tuned_threshold (of
people apart; empty without them), labels (their kind).
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
from audetnet.results.predictions import Piece

if TYPE_CHECKING:
    import pandas as pd

_STEM = "predictions"
_TEXTS = ("frame", "subject", "AU", "labels")
_NUMBERS = ("truth", "active", "output", "probability", "threshold", "tuned_threshold")


def write_predictions(directory: Path, pieces: Sequence[Piece]) -> Path:
    """Write all pieces, of folds (with a seed) or of datasets, whole. Raises UserError."""
    import pandas as pd

    table = pd.concat([_rows(piece) for piece in pieces], ignore_index=True)
    suffix, other = ("parquet", "csv") if find_spec("pyarrow") else ("csv", "parquet")
    path = directory / f"{_STEM}.{suffix}"
    if suffix == "parquet":
        write_bytes(path, lambda file: table.to_parquet(file, index=False))
    else:
        lines = table.astype(object).where(table.notna(), None)
        write_csv(path, [list(table.columns), *lines.itertuples(index=False)])
    path.with_suffix(f".{other}").unlink(missing_ok=True)
    return path


def read_predictions(directory: Path) -> list[Piece]:
    """The pieces in the order in which they were written. Raises UserError, also for a frame that
    is predicted twice.
    """
    path = _found(directory)
    table = read_frame(path)
    places = [name for name in ("fold", "dataset", "seed") if name in table.columns]
    missing = [name for name in (*_TEXTS, *_NUMBERS) if name not in table.columns]
    if missing or not places:
        raise UserError(f"{path}: no column {first_few(missing or ['fold'])}; write it anew")
    for name in _NUMBERS:
        table[name] = _numbers(path, table[name])
    _check_once(path, table)
    groups = table.groupby(places, sort=False, observed=True)
    return [_piece(path, dict(zip(places, key, strict=True)), rows) for key, rows in groups]


def _found(directory: Path) -> Path:
    for suffix in ("parquet", "csv"):
        path = directory / f"{_STEM}.{suffix}"
        if path.is_file():
            return path
    raise UserError(
        f"{directory}: no {_STEM}.parquet and no {_STEM}.csv; expected a directory that "
        "evaluate or cross-validate has written"
    )


def _rows(piece: Piece) -> "pd.DataFrame":
    import pandas as pd

    count, aus = piece.outputs.shape
    probabilities = piece.probabilities
    nothing = np.full(piece.outputs.size, np.nan)
    place: dict[str, Any] = {"dataset": piece.part}
    if piece.seed is not None:
        place = {"fold": piece.part, "seed": piece.seed}
    tuned = nothing if piece.tuned is None else np.tile(piece.tuned, count)
    return pd.DataFrame(
        {
            "frame": np.array(piece.frames, object).repeat(aus),
            "subject": np.array(piece.subjects, object).repeat(aus),
            **place,
            "AU": np.tile(np.array(piece.aus, object), count),
            "truth": piece.truth.ravel(),
            "active": piece.active.ravel(),
            "output": piece.outputs.ravel(),
            "probability": nothing if probabilities is None else probabilities.ravel(),
            "threshold": np.tile(piece.threshold, count),
            "tuned_threshold": tuned,
            "labels": piece.kind,
        }
    )


def _numbers(path: Path, column: "pd.Series[Any]") -> Array:
    import pandas as pd

    try:
        return pd.to_numeric(column.replace("", None)).to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: column {column.name}: {error}") from error


def _check_once(path: Path, table: "pd.DataFrame") -> None:
    """Raise UserError for a frame that is predicted twice within a seed, or within a dataset."""
    within = "dataset" if "dataset" in table.columns else "seed"
    twice = table.duplicated([within, "frame", "AU"])
    if twice.any():
        frames = list(dict.fromkeys(table.loc[twice, "frame"].astype(str)))
        raise UserError(f"{path}: frames predicted twice within a {within}: {first_few(frames)}")


def _piece(path: Path, place: dict[str, Any], rows: "pd.DataFrame") -> Piece:
    aus = tuple(dict.fromkeys(rows["AU"].astype(str)))
    frames = tuple(rows["frame"].astype(str).iloc[:: len(aus)])
    shape = len(frames), len(aus)
    grid = (np.repeat(np.array(frames, object), len(aus)), np.tile(np.array(aus, object), shape[0]))
    if len(rows) != shape[0] * shape[1] or not all(
        np.array_equal(rows[name].astype(str).to_numpy(object), expected)
        for name, expected in zip(("frame", "AU"), grid, strict=True)
    ):
        raise UserError(f"{path}: {_said(place)}: not every frame has a row for every AU")

    def values(name: str) -> Array:
        return np.asarray(rows[name].to_numpy(np.float64).reshape(shape))

    kind: LabelKind = "intensity" if rows["labels"].iloc[0] == "intensity" else "occurrence"
    tuned = values("tuned_threshold")[0]
    return Piece(
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


def _said(place: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in place.items())
