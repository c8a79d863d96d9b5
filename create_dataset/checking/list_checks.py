"""Checks of the id lists: what they refer to, and what they share."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from create_dataset.checking.evidence import Evidence, IdList
from create_dataset.checking.findings import Finding, finding


def ids_without_image(evidence: Evidence) -> Iterator[Finding]:
    """Training leaves them out."""
    images = evidence.images
    if images is not None:
        for one in evidence.lists:
            missing = [frame for frame in dict.fromkeys(one.ids) if frame not in images]
            if missing:
                yield finding(
                    "warning",
                    "id-without-image",
                    f"{one.path}: ids without an image in {evidence.images_folder}, which training "
                    "leaves out",
                    missing,
                )


def ids_without_label(evidence: Evidence) -> Iterator[Finding]:
    """Training leaves them out."""
    labels = evidence.labels
    if labels is not None:
        for one in evidence.lists:
            missing = [frame for frame in dict.fromkeys(one.ids) if frame not in labels.rows]
            if missing:
                yield finding(
                    "warning",
                    "id-without-label",
                    f"{one.path}: ids without a row in {labels.table.path}, which training leaves "
                    "out",
                    missing,
                )


def lists_without_frames(evidence: Evidence) -> Iterator[Finding]:
    """Training refuses a list of which nothing is left."""
    for one in evidence.lists:
        if not one.frames:
            yield finding(
                "error",
                "no-frames",
                f"{one.path}: none of its ids has both an image and labels; compare the ids with "
                "the image names and the AU table",
                dict.fromkeys(one.ids),
            )


def images_without_id(evidence: Evidence) -> Iterator[Finding]:
    """Frames that no list names are never used."""
    listed = evidence.listed()
    unlisted = [frame for frame in evidence.images or {} if frame not in listed]
    if unlisted and listed:
        yield finding(
            "warning",
            "image-without-id",
            f"{evidence.images_folder}: images that no id list names, which are never used",
            unlisted,
        )


def repeated_ids(evidence: Evidence) -> Iterator[Finding]:
    """A training id may be drawn more often; elsewhere each counts once."""
    for one in evidence.lists:
        twice = [frame for frame, count in Counter(one.ids).items() if count > 1]
        if twice and one.part == "train":
            message = f"{one.path}: ids listed several times, which are drawn more often"
            yield finding("info", "repeated-id", message, twice)
        elif twice:
            message = f"{one.path}: ids listed several times, which are counted once"
            yield finding("warning", "repeated-id", message, twice)


def shared_frames(evidence: Evidence) -> Iterator[Finding]:
    """A frame in two sets of a split."""
    for one, other in _pairs(evidence):
        shared = sorted(set(one.frames) & set(other.frames))
        if shared:
            yield finding(
                "error",
                "shared-frame",
                f"{one.path} and {other.path}: frames in both {one.name} and {other.part}, which "
                "inflates results; delete them from one",
                shared,
            )


def shared_subjects(evidence: Evidence) -> Iterator[Finding]:
    """A person in two sets of a split; so is everybody after a split by random frame."""
    for one, other in _pairs(evidence):
        ones, others = (set(_subjects(evidence, part)) for part in (one, other))
        if ones & others:
            yield finding(
                "error",
                "shared-subject",
                f"{one.path} and {other.path}: subjects in both {one.name} and {other.part}, so "
                "that results do not hold for new people; split by subject (python -m "
                "create_dataset.splits)",
                sorted(ones & others),
            )


def folds_that_share_tests(evidence: Evidence) -> Iterator[Finding]:
    """In cross-validation each frame is tested once."""
    tests = [one for one in evidence.lists if one.fold is not None and one.part == "test"]
    counts = Counter(frame for one in tests for frame in one.frames)
    several = [frame for frame, count in counts.items() if count > 1]
    if several:
        names = sorted(one.fold or "" for one in tests if not set(several).isdisjoint(one.frames))
        yield finding(
            "warning",
            "folds-share-test",
            f"{evidence.directory / 'folds'}: frames tested in several folds ({', '.join(names)}), "
            "which count several times in the mean over folds",
            several,
        )


def single_subjects(evidence: Evidence) -> Iterator[Finding]:
    """What holds for one person says little of others."""
    single = [one.name for one in evidence.lists if len(set(_subjects(evidence, one))) == 1]
    if single:
        yield finding(
            "warning",
            "single-subject",
            f"{evidence.directory}: sets of one subject, which say little of other people",
            single,
        )


def unrecognised_subjects(evidence: Evidence) -> Iterator[Finding]:
    """A pattern that takes whole ids hides every leak."""
    people = set(evidence.subjects.values())
    if 1 < len(evidence.subjects) == len(people):
        yield finding(
            "warning",
            "subject-per-frame",
            f"{evidence.directory}: every frame has a subject of its own, so that shared subjects "
            'cannot be seen; set "subject_pattern" or "subjects" in dataset.json',
            sorted(people),
        )


def _pairs(evidence: Evidence) -> Iterator[tuple[IdList, IdList]]:
    """Two sets each of the same split."""
    for lists in evidence.splits().values():
        yield from combinations(lists, 2)


def _subjects(evidence: Evidence, one: IdList) -> list[str]:
    return [evidence.subjects[frame] for frame in one.frames if frame in evidence.subjects]
