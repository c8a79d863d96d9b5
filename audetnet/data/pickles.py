"""Pickles of dicts, lists, strings, numbers and numpy arrays; everything else is refused."""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

from audetnet.errors import UserError

_ALLOWED_GLOBALS = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}
"""What pickles of dicts of numpy arrays name, under Python 2 and 3 protocols; numpy 1 says
numpy.core where numpy 2 says numpy._core.
"""


class _TableUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        current = re.sub(r"^numpy\.core\.", "numpy._core.", module)
        if (current, name) in _ALLOWED_GLOBALS:
            return super().find_class(current if hasattr(np, "_core") else module, name)
        raise pickle.UnpicklingError(f"it holds '{module}.{name}', which is not allowed")


def read_pickled_dict(path: Path) -> dict[str, Any]:
    """A pickled dict whose keys are strings. Raises UserError."""
    try:
        with path.open("rb") as file:
            table = _TableUnpickler(file, encoding="latin1").load()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UserError(f"{path}: not a pickled dict of numpy arrays: {error}") from error
    if not isinstance(table, dict) or not all(isinstance(frame, str) for frame in table):
        raise UserError(
            f"{path}: expected a pickled dict with frame ids as keys, found {type(table).__name__}"
        )
    return table
