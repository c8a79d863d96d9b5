"""Published results for comparison, from published.csv: three-fold cross-validation by person."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files

from audetnet.data.metadata import Metadata
from audetnet.files.csv import read_csv
from audetnet.labels import ACTIVE_INTENSITY


@dataclass(frozen=True, kw_only=True)
class Published:
    """A metric averaged over ``aus`` and the three folds. ``source``: the paper."""

    data: str
    metric: str
    method: str
    value: float
    aus: tuple[str, ...]
    source: str


def published_numbers() -> list[Published]:
    """All rows of the file, in order."""
    with as_file(files("audetnet.results").joinpath("published.csv")) as path:
        _, *rows = read_csv(path)
    return [
        Published(
            data=data,
            metric=metric,
            method=method,
            value=float(value),
            aus=tuple(aus.split()),
            source=source,
        )
        for data, metric, method, value, aus, source in rows
    ]


def comparable_numbers(metadata: Metadata, aus: Sequence[str]) -> list[Published]:
    """Numbers published on the same data: ``source`` in dataset.json starts with its name (DISFA,
    but not DISFA+), the intensity threshold is the usual one, and ``aus`` contains all their AUs.
    """
    if metadata.source is None or metadata.threshold != ACTIVE_INTENSITY:
        return []
    (name,) = re.findall(r"^\s*([\w+-]*)", metadata.source)
    return [each for each in published_numbers() if each.data == name and {*each.aus} <= {*aus}]
