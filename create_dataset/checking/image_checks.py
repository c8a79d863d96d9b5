"""Checks of the image files."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain, combinations

from audetnet.data.images import ImageFacts, Size
from create_dataset.checking.evidence import Evidence, IdList
from create_dataset.checking.findings import Finding, Severity, finding, if_any
from create_dataset.checking.image_inspection import ImageFile

_GREY_MODES = ("1", "L", "LA")
_FORMATS = {".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".png": ("PNG",)}
"""What files with these endings should hold; MPO is the JPEG that some cameras write."""


def unreadable_images(evidence: Evidence) -> Iterator[Finding]:
    """Not an image, truncated, or not 8-bit: packing fails."""
    listed = evidence.listed()
    frames: defaultdict[tuple[Severity, str], list[str]] = defaultdict(list)
    for frame, image in (evidence.images or {}).items():
        if image.facts is None:
            frames["error" if frame in listed else "warning", image.mistake].append(frame)
    for (severity, mistake), ids in frames.items():
        use = "which training refuses" if severity == "error" else "which no id list names"
        message = f"{evidence.images_folder}: {mistake}; replace or delete these images, {use}"
        yield finding(severity, "unreadable-image", message, ids)


def odd_sizes(evidence: Evidence) -> Iterator[Finding]:
    """Training refuses images of different sizes unless it resizes them."""
    sizes = {frame: facts.size for frame, facts in _used_facts(evidence).items()}
    if not sizes:
        return
    usual = Counter(sizes.values()).most_common(1)[0][0]
    odd = {frame: size for frame, size in sizes.items() if size != usual}
    found = ", ".join(size_text(size) for size, _ in Counter(odd.values()).most_common(3))
    yield from if_any(
        "info" if evidence.resized else "error",
        "odd-size",
        f"{evidence.images_folder}: images that are not {size_text(usual)} (height x width) like "
        f"most, but {found}; training fails unless the cfg sets image_size (then use --resized)",
        odd,
    )


def grey_images(evidence: Evidence) -> Iterator[Finding]:
    """They are read as RGB with three equal channels."""
    yield from if_any(
        "info",
        "grey-image",
        f"{evidence.images_folder}: grey images, read as RGB with three equal channels",
        (frame for frame, facts in _used_facts(evidence).items() if facts.mode in _GREY_MODES),
    )


def misnamed_images(evidence: Evidence) -> Iterator[Finding]:
    """Training goes by the content of a file; other programs may not."""
    names = {
        frame: image.facts.format
        for frame, image in (evidence.images or {}).items()
        if image.facts is not None
        and image.facts.format not in _FORMATS.get(image.path.suffix.lower(), ())
    }
    formats = ", ".join(sorted(set(names.values())))
    yield from if_any(
        "info",
        "misnamed-image",
        f"{evidence.images_folder}: files in another format ({formats}) than their names say; "
        "AUDetNet reads them, other programs may not",
        names,
    )


def ignored_files(evidence: Evidence) -> Iterator[Finding]:
    """Subfolders, other endings, and the second file with the same id."""
    if evidence.images is None:
        return
    read = {image.path.name for image in evidence.images.values()}
    yield from if_any(
        "info",
        "ignored-file",
        f"{evidence.images_folder}: never read (images are ID.jpg, ID.jpeg or ID.png, one per id, "
        "not in subfolders)",
        sorted(p.name for p in evidence.images_folder.iterdir() if p.name not in read),
    )


def identical_images(evidence: Evidence) -> Iterator[Finding]:
    """The same bytes under several ids; a leak if they are in different sets of a split."""
    by_digest = defaultdict(set)
    for frame, image in _used(evidence).items():
        if image.facts is not None:
            by_digest[image.digest].add(frame)
    groups = [frames for frames in by_digest.values() if len(frames) > 1]
    if not groups:
        return
    for lists in evidence.splits().values():
        members = {one: _members(groups, one) for one in lists}
        for one, other in combinations(lists, 2):
            yield from _identical_between(evidence, one, other, members[one], members[other])
        for one in lists:
            copies = [sorted(frames) for frames in members[one] if len(frames) > 1]
            yield from if_any(
                "warning",
                "same-image",
                f"{one.path}: {sum(map(len, copies))} ids of {len(copies)} images that are "
                "byte-identical to others in this list; list each once",
                chain.from_iterable(copies),
            )


def size_text(size: Size) -> str:
    """256x256, height first."""
    return f"{size[0]}x{size[1]}"


def _identical_between(
    evidence: Evidence, one: IdList, other: IdList, ones: list[set[str]], others: list[set[str]]
) -> Iterator[Finding]:
    shared = [
        sorted(first | second)
        for first, second in zip(ones, others, strict=True)
        if first and second and len(first | second) > 1
    ]
    yield from if_any(
        "error",
        "same-image-in-two-sets",
        f"{evidence.images_folder}: byte-identical images under several ids in {one.name} and "
        f"{other.part}, which inflates results; delete them from one of {one.path} and "
        f"{other.path}",
        chain.from_iterable(shared),
    )


def _members(groups: list[set[str]], one: IdList) -> list[set[str]]:
    frames = set(one.frames)
    return [group & frames for group in groups]


def _used(evidence: Evidence) -> dict[str, ImageFile]:
    """The images that training reads; all of them if nothing is listed."""
    listed = evidence.listed()
    return {f: i for f, i in (evidence.images or {}).items() if not listed or f in listed}


def _used_facts(evidence: Evidence) -> dict[str, ImageFacts]:
    return {f: i.facts for f, i in _used(evidence).items() if i.facts is not None}
