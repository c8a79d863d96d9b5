"""Checks of the image files."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain, combinations

from audetnet.data.images import Size
from create_dataset.checking.evidence import Evidence, IdList
from create_dataset.checking.findings import Finding, Severity, finding
from create_dataset.checking.survey import ImageFile

_GREY_MODES = ("1", "L", "LA")
_FORMATS = {".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".png": ("PNG",)}
"""What files of these names should hold; MPO is a JPEG as some cameras write it."""


def unreadable_images(evidence: Evidence) -> Iterator[Finding]:
    """Not an image, truncated, or of pixels that are not 8-bit: packing them fails."""
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
    """Training refuses images of several sizes unless it resizes them."""
    sizes = {
        frame: image.facts.size
        for frame, image in _used(evidence).items()
        if image.facts is not None
    }
    if not sizes:
        return
    usual = Counter(sizes.values()).most_common(1)[0][0]
    odd = {frame: size for frame, size in sizes.items() if size != usual}
    if odd:
        found = ", ".join(size_text(size) for size, _ in Counter(odd.values()).most_common(3))
        yield finding(
            "info" if evidence.resized else "error",
            "odd-size",
            f"{evidence.images_folder}: images that are not {size_text(usual)} (height x width) "
            f"as most, but {found}; training fails unless the cfg sets image_size (then use "
            "--resized)",
            odd,
        )


def grey_images(evidence: Evidence) -> Iterator[Finding]:
    """They are read as RGB with three equal channels."""
    grey = [frame for frame, mode in _modes(evidence).items() if mode in _GREY_MODES]
    if grey:
        yield finding(
            "info",
            "grey-image",
            f"{evidence.images_folder}: grey images, read as RGB with three equal channels",
            grey,
        )


def misnamed_images(evidence: Evidence) -> Iterator[Finding]:
    """Training reads files by content; other programs may not."""
    names = {
        frame: image.facts.format
        for frame, image in (evidence.images or {}).items()
        if image.facts is not None
        and image.facts.format not in _FORMATS.get(image.path.suffix.lower(), ())
    }
    if names:
        formats = ", ".join(sorted(set(names.values())))
        yield finding(
            "info",
            "misnamed-image",
            f"{evidence.images_folder}: files that hold another format ({formats}) than their "
            "names say; AUDetNet reads them, other programs may not",
            names,
        )


def ignored_files(evidence: Evidence) -> Iterator[Finding]:
    """Subfolders, other endings, and the second file of an id."""
    if evidence.images is None:
        return
    read = {image.path.name for image in evidence.images.values()}
    others = sorted(p.name for p in evidence.images_folder.iterdir() if p.name not in read)
    if others:
        yield finding(
            "info",
            "ignored-file",
            f"{evidence.images_folder}: never read (images are ID.jpg, ID.jpeg or ID.png, one per "
            "id, not in subfolders)",
            others,
        )


def identical_images(evidence: Evidence) -> Iterator[Finding]:
    """The same bytes under several ids: between the sets of a split a leak."""
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
            if copies:
                yield finding(
                    "warning",
                    "same-image",
                    f"{one.path}: {sum(map(len, copies))} ids of {len(copies)} images that are "
                    "byte-identical under other ids of this list; list each once",
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
    if shared:
        yield finding(
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
    """The images that training reads; all where nothing is listed."""
    listed = evidence.listed()
    return {f: i for f, i in (evidence.images or {}).items() if not listed or f in listed}


def _modes(evidence: Evidence) -> dict[str, str]:
    return {f: i.facts.mode for f, i in _used(evidence).items() if i.facts is not None}
