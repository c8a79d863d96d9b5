"""Checks of the labels, in the whole table and in each set."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from create_dataset.checking.evidence import Evidence, IdList, Labels
from create_dataset.checking.findings import Finding, finding


def unnamed_aus(evidence: Evidence) -> Iterator[Finding]:
    """Columns in an order that nobody can verify."""
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
            message=f"{labels.table.path}: taken for a table of {labels.table.kind} by its largest "
            'value; say so in dataset.json ("kind")',
        )


def constant_columns(evidence: Evidence) -> Iterator[Finding]:
    """Nothing can be learnt from an AU that never changes."""
    labels = evidence.labels
    if labels is None:
        return
    known = ~np.isnan(labels.values)
    low = np.where(known, labels.values, np.inf).min(axis=0)
    high = np.where(known, labels.values, -np.inf).max(axis=0)
    names = [
        f"{name} ({value:g})"
        for name, value, same in zip(labels.names, low, low == high, strict=True)
        if same
    ]
    if names:
        yield finding(
            "warning",
            "constant-column",
            f"{labels.table.path}: AUs with the same value in all frames, of which nothing can be "
            "learnt",
            names,
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
            yield from _about_aus(
                "unknown-au", f"{one.path}: AUs that are unknown in all its frames", labels, unknown
            )


def aus_without_positives(evidence: Evidence) -> Iterator[Finding]:
    """F1 is undefined there, and nothing to be learnt."""
    for one, labels, active in _labelled(evidence):
        none = ~(active == 1).any(axis=0) & ~np.isnan(active).all(axis=0)
        effect = (
            "which cannot be learnt" if one.part == "train" else "whose F1 and 2AFC are undefined"
        )
        message = f"{one.path}: AUs that are active in none of its frames, {effect}"
        yield from _about_aus("no-positives", message, labels, none)


def aus_without_negatives(evidence: Evidence) -> Iterator[Finding]:
    """2AFC compares active frames with others."""
    for one, labels, active in _labelled(evidence):
        none = ~(active == 0).any(axis=0) & ~np.isnan(active).all(axis=0)
        effect = "which cannot be learnt" if one.part == "train" else "whose 2AFC is undefined"
        message = f"{one.path}: AUs that are active in all its frames, {effect}"
        yield from _about_aus("no-negatives", message, labels, none)


def _labelled(
    evidence: Evidence,
) -> Iterator[tuple[IdList, Labels, npt.NDArray[np.float32]]]:
    """Each list with frames, and the activity of its frames (N, A)."""
    if evidence.labels is not None:
        for one in evidence.lists:
            if one.frames:
                yield one, evidence.labels, evidence.labels.active_of(one.frames)


def _about_aus(
    code: str, message: str, labels: Labels, marked: npt.NDArray[np.bool_]
) -> Iterator[Finding]:
    names = [name for name, mark in zip(labels.names, marked, strict=True) if mark]
    if names:
        yield finding("warning", code, message, names)
