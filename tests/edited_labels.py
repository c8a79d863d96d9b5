"""The labels of a copy of minimal_dataset, changed."""

import pickle
from collections.abc import Callable
from pathlib import Path

from audetnet.data.tables import find_labels, read_labels
from audetnet.labels import FloatArray


def edit_labels(data: Path, edit: Callable[[dict[str, FloatArray]], None]) -> None:
    """Change the rows of the AU table; it is a pickle then, which holds rows of any kind."""
    path = find_labels(data)
    rows = dict(read_labels(path, None).rows)
    edit(rows)
    path.unlink()
    (data / "aus.pkl").write_bytes(pickle.dumps(rows))
