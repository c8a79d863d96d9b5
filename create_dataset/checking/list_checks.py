"""Checks of the id lists: what they refer to, and what they share."""

from collections import Counter
from collections.abc import Container, Iterator
from itertools import combinations

from create_dataset.checking.evidence import Evidence, IdList
from create_dataset.checking.findings import Finding, finding, if_any


def ids_without_image(evidence: Evidence) -> Iterator[Finding]:
    """Training leaves them out."""
    if evidence.images is not None:
        where = f"an image in {evidence.images_folder}"
        yield from _ids_without(evidence, "id-without-image", where, evidence.images)


def ids_without_label(evidence: Evidence) -> Iterator[Finding]:
    """Training leaves them out."""
    if evidence.labels is not None:
        where = f"a row in {evidence.labels.table.path}"
        yield from _ids_without(evidence, "id-without-label", where, evidence.labels.rows)


def lists_without_frames(evidence: Evidence) -> Iterator[Finding]:
    """Training refuses a list with no usable ids."""
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
    """Frames that are in no list are never used."""
    if listed := evidence.listed():
        yield from if_any(
            "warning",
            "image-without-id",
            f"{evidence.images_folder}: images that no id list names, which are never used",
            (frame for frame in evidence.images or {} if frame not in listed),
        )


def repeated_ids(evidence: Evidence) -> Iterator[Finding]:
    """A repeated training id is drawn more often; in other sets each id counts once."""
    for one in evidence.lists:
        is_train = one.part == "train"
        effect = "drawn more often" if is_train else "counted once"
        yield from if_any(
            "info" if is_train else "warning",
            "repeated-id",
            f"{one.path}: ids listed several times, which are {effect}",
            (frame for frame, count in Counter(one.ids).items() if count > 1),
        )


def shared_frames(evidence: Evidence) -> Iterator[Finding]:
    """A frame in two sets of a split."""
    for one, other in _pairs(evidence):
        yield from if_any(
            "error",
            "shared-frame",
            f"{one.path} and {other.path}: frames in both {one.name} and {other.part}, which "
            "inflates results; delete them from one",
            sorted(set(one.frames) & set(other.frames)),
        )


def shared_subjects(evidence: Evidence) -> Iterator[Finding]:
    """A person in two sets of a split, as after a split by random frame."""
    for one, other in _pairs(evidence):
        ones, others = (set(_subjects(evidence, part)) for part in (one, other))
        yield from if_any(
            "error",
            "shared-subject",
            f"{one.path} and {other.path}: subjects in both {one.name} and {other.part}, so that "
            "results do not hold for new people; split by subject (python -m "
            "create_dataset.splits)",
            sorted(ones & others),
        )


def folds_that_share_tests(evidence: Evidence) -> Iterator[Finding]:
    """In cross-validation each frame is tested once."""
    tests = [one for one in evidence.lists if one.fold is not None and one.part == "test"]
    counts = Counter(frame for one in tests for frame in one.frames)
    several = [frame for frame, count in counts.items() if count > 1]
    names = sorted(one.fold or "" for one in tests if not set(several).isdisjoint(one.frames))
    yield from if_any(
        "warning",
        "folds-share-test",
        f"{evidence.directory / 'folds'}: frames tested in several folds ({', '.join(names)}), "
        "which count several times in the mean over folds",
        several,
    )


def single_subjects(evidence: Evidence) -> Iterator[Finding]:
    """What holds for one person says little about others."""
    yield from if_any(
        "warning",
        "single-subject",
        f"{evidence.directory}: sets with a single subject, which say little about other people",
        (one.name for one in evidence.lists if len(set(_subjects(evidence, one))) == 1),
    )


def unrecognised_subjects(evidence: Evidence) -> Iterator[Finding]:
    """A pattern that matches whole ids hides every leak."""
    people = set(evidence.subjects.values())
    if 1 < len(evidence.subjects) == len(people):
        yield finding(
            "warning",
            "subject-per-frame",
            f"{evidence.directory}: every frame has its own subject, so that shared subjects "
            'cannot be seen; set "subject_pattern" or "subjects" in dataset.json',
            sorted(people),
        )


def _ids_without(
    evidence: Evidence, code: str, thing: str, known: Container[str]
) -> Iterator[Finding]:
    for one in evidence.lists:
        yield from if_any(
            "warning",
            code,
            f"{one.path}: ids without {thing}, which training leaves out",
            (frame for frame in dict.fromkeys(one.ids) if frame not in known),
        )


def _pairs(evidence: Evidence) -> Iterator[tuple[IdList, IdList]]:
    """Every two sets of the same split."""
    for lists in evidence.splits().values():
        yield from combinations(lists, 2)


def _subjects(evidence: Evidence, one: IdList) -> list[str]:
    return [evidence.subjects[frame] for frame in one.frames if frame in evidence.subjects]
