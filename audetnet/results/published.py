"""Published numbers to stand beside, from published.csv: of three folds by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files

from audetnet.files.csv import read_csv


@dataclass(frozen=True, kw_only=True)
class Published:
    """The mean of a metric over ``aus`` and over the three folds. ``source``: the paper."""

    data: str
    metric: str
    method: str
    value: float
    aus: tuple[str, ...]
    source: str


def published_numbers() -> list[Published]:
    """All of them, in the order of the file."""
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


def published_beside(source: str | None, aus: Sequence[str]) -> list[Published]:
    """Those on the data that ``source`` of dataset.json names, whose AUs all are there."""
    return [
        each
        for each in published_numbers()
        if source is not None and each.data in source.split(",")[0] and {*each.aus} <= {*aus}
    ]
