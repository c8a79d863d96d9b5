"""Checks of the labels, in the whole table and in each set."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from create_dataset.checking.evidence import Evidence, IdList, Labels
from create_dataset.checking.findings import Finding, if_any


def unnamed_aus(evidence: Evidence) -> Iterator[Finding]:
    """Nobody can verify the order of the columns."""
    labels = evidence.labels
    if labels is not None and not (labels.table.names or evidence.metadata.aus):
        yield Finding(
            severity="info",
            code="unnamed-aus",
            message=f"{labels.table.path}: its columns have no names; name them in dataset.json "
            '("aus")',
        )


def guessed_kind(evidence: Evidence) -> Iterator[Finding]:
    """Intensities that never exceed 1 look like occurrences."""
    labels = evidence.labels
    if labels is not None and evidence.metadata.kind is None:
        yield Finding(
            severity="info",
            code="guessed-kind",
            message=f"{labels.table.path}: assumed to hold {labels.table.kind} labels, judging by "
            'its largest value; set "kind" in dataset.json',
        )


def constant_columns(evidence: Evidence) -> Iterator[Finding]:
    """Nothing can be learnt from an AU that never changes."""
    labels = evidence.labels
    if labels is None:
        return
    known = ~np.isnan(labels.values)
    low = np.where(known, labels.values, np.inf).min(axis=0)
    high = np.where(known, labels.values, -np.inf).max(axis=0)
    columns = zip(labels.names, low, low == high, strict=True)
    yield from if_any(
        "warning",
        "constant-column",
        f"{labels.table.path}: AUs with the same value in all frames, from which nothing can be "
        "learnt",
        (f"{name} ({value:g})" for name, value, same in columns if same),
    )


def sets_without_labels(evidence: Evidence) -> Iterator[Finding]:
    """Training refuses to train or test on them."""
    for one, _, active in _labelled(evidence):
        if np.isnan(active).all():
            yield Finding(
                severity="warning" if one.part == "validation" else "error",
                code="no-known-label",
                message=f"{one.path}: no AU of any {one.part} frame is known",
            )


def unknown_aus(evidence: Evidence) -> Iterator[Finding]:
    """An AU that was never coded in a set."""
    for one, labels, active in _labelled(evidence):
        unknown = np.isnan(active).sum(axis=0) == len(active)
        if not unknown.all():
            message = f"{one.path}: AUs that are unknown in all its frames"
            yield from if_any("warning", "unknown-au", message, _names(labels, unknown))


def aus_without_positives(evidence: Evidence) -> Iterator[Finding]:
    """F1 is undefined, and nothing can be learnt."""
    return _one_sided(evidence, "no-positives", 1, "active in none", "F1 and 2AFC are undefined")


def aus_without_negatives(evidence: Evidence) -> Iterator[Finding]:
    """2AFC compares active frames with inactive ones."""
    return _one_sided(evidence, "no-negatives", 0, "active in all", "2AFC is undefined")


def _one_sided(
    evidence: Evidence, code: str, value: int, which: str, undefined: str
) -> Iterator[Finding]:
    """AUs that are known in a set, but never have a value."""
    for one, labels, active in _labelled(evidence):
        marked = ~(active == value).any(axis=0) & ~np.isnan(active).all(axis=0)
        effect = "which cannot be learnt" if one.part == "train" else f"whose {undefined}"
        message = f"{one.path}: AUs that are {which} of its frames, {effect}"
        yield from if_any("warning", code, message, _names(labels, marked))


def _labelled(
    evidence: Evidence,
) -> Iterator[tuple[IdList, Labels, npt.NDArray[np.float32]]]:
    """Each list that has frames, with their activity (N, A)."""
    if evidence.labels is not None:
        for one in evidence.lists:
            if one.frames:
                yield one, evidence.labels, evidence.labels.active_of(one.frames)


def _names(labels: Labels, marked: npt.NDArray[np.bool_]) -> Iterator[str]:
    return (name for name, mark in zip(labels.names, marked, strict=True) if mark)
