"""Reads pickled dicts of rows: lists, numbers and NumPy arrays; refuses everything else."""

from pathlib import Path
from typing import Any

import numpy as np

from audetnet.data.pickle_machine import PickleError
from audetnet.data.pickle_opcodes import run_pickle
from audetnet.data.pickled_arrays import ArrayNames, MemoryBudget, PickledArray
from audetnet.errors import UserError
from audetnet.files.atomic import check_regular
from audetnet.labels import FloatArray

_MEMORY_PER_BYTE = 64
"""Bytes of memory per byte of a pickle: frames may share a row, which is copied for each."""
_NUMBERS = {bool, int, float, type(None)}
"""None means unknown, like NaN."""
_ITEM_SIZE = np.dtype(np.float32).itemsize
_ARRAY_SIZE = 128
"""Bytes that an array takes in addition to its items."""


def read_pickled_rows(path: Path) -> dict[str, FloatArray]:
    """Read a pickled dict of frame id -> AU values, float32 (A,) each. Raises UserError."""
    check_regular(path)
    try:
        content = path.read_bytes()
        budget = MemoryBudget(_MEMORY_PER_BYTE * len(content))
        table = run_pickle(content, ArrayNames(budget).find)
        if not isinstance(table, dict):
            raise UserError(
                f"{path}: expected a pickled dict with frame ids as keys, found "
                f"{type(table).__name__}"
            )
        with np.errstate(over="ignore"):
            return {frame: _row(path, frame, row, budget) for frame, row in table.items()}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except PickleError as error:
        raise UserError(f"{path}: not a pickled dict of NumPy arrays: {error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: not enough memory to read it") from error


def _row(path: Path, frame: str, row: Any, budget: MemoryBudget) -> FloatArray:
    try:
        return _floats(row, budget, 1).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: the row of '{frame}' is not an array of numbers") from error


def _floats(row: Any, budget: MemoryBudget, levels: int) -> FloatArray:
    """Numbers, arrays, or lists of them nested up to ``levels`` deeper, as a new array."""
    if isinstance(row, PickledArray):
        budget.spend(row.values.size * _ITEM_SIZE)
        if row.values.dtype.kind not in "biuf":
            raise ValueError("texts")
        return row.values.astype(np.float32)
    items = row if type(row) in (list, tuple) else (row,)
    if _NUMBERS.issuperset(map(type, items)):
        budget.spend(len(items) * _ITEM_SIZE)
        return np.array(row, dtype=np.float32)
    if not levels or items is not row:
        raise ValueError("no numbers")
    budget.spend(_ARRAY_SIZE * len(items))
    return np.stack([_floats(part, budget, levels - 1) for part in items])
