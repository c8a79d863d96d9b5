"""Groups of frames from factors.csv, such as sex or skin: where is a network worst?"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from audetnet.data.tables import read_frame
from audetnet.errors import UserError, did_you_mean
from audetnet.evaluation.metrics import METRICS
from audetnet.results.estimates import MEAN, Worst, values
from audetnet.results.predictions import PredictionSet, pooled

FACTORS = "factors.csv"
MOST_GROUPS = 20
"""A column with more distinct values is not used for grouping."""
Groups = Mapping[str, Mapping[str, str]]
"""By column: frame to group."""


def read_groups(directory: Path, subset: PredictionSet, columns: Sequence[str] | None) -> Groups:
    """Groups from factors.csv of a dataset directory: the named columns, by default every column of
    words in which people share values. Empty without the file. Raises UserError.
    """
    path = directory / FACTORS
    if not os.path.lexists(path):
        if columns is not None:
            raise UserError(f"{path}: no such file; --group-columns needs it")
        return {}
    table = read_frame(path).astype(str)
    frames = table.iloc[:, 0].tolist()
    for column in columns or ():
        if column not in table.columns[1:]:
            raise UserError(f"{path}: no column '{column}'{did_you_mean(column, table.columns)}")
    people = dict(zip(subset.frames, subset.subjects, strict=True))
    found = {}
    for column in columns or table.columns[1:]:
        of_frames = dict(zip(frames, table[column].tolist(), strict=True))
        known = {frame: of_frames[frame] for frame in subset.frames if of_frames.get(frame)}
        if columns is not None or _is_grouping(known, people):
            found[str(column)] = known
    return found


def worst_group(subset: PredictionSet, groups: Groups) -> dict[str, Worst]:
    """By metric, the group with the worst mean over the AUs."""
    found: dict[str, Worst] = {}
    for column, of_frames in groups.items():
        for group in sorted(set(of_frames.values())):
            rows = [row for row, frame in enumerate(subset.frames) if of_frames.get(frame) == group]
            of_group = values(pooled([subset.of_frames(np.array(rows))]))
            for name, by_au in of_group.items():
                here = Worst(f"{column} {group}", by_au[MEAN])
                if not np.isnan(here.value) and _is_worse(name, here, found.get(name)):
                    found[name] = here
    return found


def _is_worse(name: str, one: Worst, other: Worst | None) -> bool:
    if other is None:
        return True
    return one.value > other.value if METRICS[name].is_error else one.value < other.value


def _is_grouping(of_frames: Mapping[str, str], people: Mapping[str, str]) -> bool:
    """Whether the values are words, at least one of them shared by several people."""
    names = set(of_frames.values())
    if not 1 < len(names) <= MOST_GROUPS or any(map(_is_number, names)):
        return False
    shown_by: dict[str, set[str]] = {}
    for frame, group in of_frames.items():
        shown_by.setdefault(group, set()).add(people[frame])
    return any(len(who) > 1 for who in shown_by.values())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
