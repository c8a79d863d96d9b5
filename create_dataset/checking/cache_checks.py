"""Checks of the cached arrays that training reads instead of the images."""

from collections.abc import Iterator

from create_dataset.checking.evidence import Evidence
from create_dataset.checking.findings import Finding, if_any


def damaged_frames(evidence: Evidence) -> Iterator[Finding]:
    """Training would learn from pixels that are in no image."""
    for array in evidence.arrays:
        yield from if_any(
            "error",
            "damaged-cache",
            f"{array.path}: {len(array.damaged)} of {array.frames} packed frames are damaged, and "
            "training would learn from them; delete this file, training rebuilds it from the "
            "images (and have the disk checked)",
            array.damaged,
        )


def unreadable_arrays(evidence: Evidence) -> Iterator[Finding]:
    """Training fails."""
    for array in evidence.arrays:
        if array.unreadable:
            yield Finding(severity="error", code="unreadable-cache", message=array.unreadable)


def outdated_arrays(evidence: Evidence) -> Iterator[Finding]:
    """Costs nothing but time."""
    for array in evidence.arrays:
        if array.outdated:
            yield Finding(
                severity="info",
                code="outdated-cache",
                message=f"{array.path}: {array.outdated}; training rebuilds it",
            )
