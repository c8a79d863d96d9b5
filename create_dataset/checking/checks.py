"""The checks. To add one, write it in one of the modules next to this and list it in CHECKS."""

from collections.abc import Callable, Iterator

from create_dataset.checking import cache_checks, image_checks, label_checks, list_checks
from create_dataset.checking.evidence import Evidence
from create_dataset.checking.findings import Finding, by_severity

Check = Callable[[Evidence], Iterator[Finding]]
"""Looks at the evidence and reads nothing itself; copes with parts that could not be read."""

CHECKS: tuple[Check, ...] = (
    list_checks.shared_frames,
    list_checks.shared_subjects,
    image_checks.identical_images,
    image_checks.unreadable_images,
    image_checks.odd_sizes,
    list_checks.lists_without_frames,
    label_checks.sets_without_labels,
    list_checks.ids_without_image,
    list_checks.ids_without_label,
    list_checks.images_without_id,
    list_checks.repeated_ids,
    list_checks.folds_that_share_tests,
    list_checks.single_subjects,
    list_checks.unrecognised_subjects,
    label_checks.constant_columns,
    label_checks.unknown_aus,
    label_checks.aus_without_positives,
    label_checks.aus_without_negatives,
    label_checks.unnamed_aus,
    label_checks.guessed_kind,
    image_checks.grey_images,
    image_checks.misnamed_images,
    image_checks.ignored_files,
    cache_checks.damaged_frames,
    cache_checks.unreadable_arrays,
    cache_checks.outdated_arrays,
)


def run_checks(evidence: Evidence) -> list[Finding]:
    """Everything wrong or worth knowing, errors first."""
    found = [*evidence.mistakes, *(f for check in CHECKS for f in check(evidence))]
    return by_severity(found)
