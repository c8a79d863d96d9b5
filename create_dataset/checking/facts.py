"""What a dataset directory contains, as plain data and as tables to read."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.console.text_table import text_table
from audetnet.errors import first_few
from create_dataset.checking.evidence import Evidence, IdList, Labels
from create_dataset.checking.image_checks import size_text

Facts = dict[str, Any]


def collect_facts(evidence: Evidence) -> Facts:
    """Counts of images, labels and sets, ready for JSON; create_dataset.check explains the keys."""
    return {
        "directory": str(evidence.directory),
        "cache": [
            {"array": str(array.path), "frames": array.frames, "damaged": len(array.damaged)}
            for array in evidence.arrays
        ],
        "images": _image_facts(evidence),
        "labels": None if evidence.labels is None else _label_facts(evidence, evidence.labels),
        "sets": [_set_facts(evidence, one) for one in evidence.lists],
    }


def facts_text(facts: Facts) -> str:
    """The same as text; with several folds, the AUs of the first only."""
    heading = [
        ("dataset", facts["directory"]),
        ("images", _image_text(facts["images"])),
        ("labels", _label_text(facts["labels"])),
    ]
    if facts["cache"]:
        heading.append(("cache", _cache_text(facts["cache"])))
    parts = [text_table(heading, left=(0, 1))]
    if facts["sets"]:
        parts += ["", _set_table(facts["sets"])]
    if facts["labels"] is not None:
        parts += ["", _au_table(facts)]
    return "\n".join(parts)


def _image_facts(evidence: Evidence) -> Facts | None:
    if evidence.images is None:
        return None
    readable = [image.facts for image in evidence.images.values() if image.facts is not None]
    return {
        "folder": str(evidence.images_folder),
        "files": len(evidence.images),
        "readable": len(readable),
        "sizes": dict(Counter(size_text(facts.size) for facts in readable).most_common()),
    }


def _label_facts(evidence: Evidence, labels: Labels) -> Facts:
    return {
        "table": str(labels.table.path),
        "frames": len(labels.rows),
        "kind": labels.table.kind,
        "kind_is_said": evidence.metadata.kind is not None,
        "active_from": labels.smallest,
        "aus": _au_facts(labels, labels.active),
    }


def _set_facts(evidence: Evidence, one: IdList) -> Facts:
    people = Counter(evidence.subjects[f] for f in one.frames if f in evidence.subjects)
    labels = evidence.labels
    return {
        "fold": one.fold,
        "set": one.part,
        "path": str(one.path),
        "ids": len(one.ids),
        "frames": len(one.frames),
        "subjects": dict(sorted(people.items())),
        "aus": [] if labels is None else _au_facts(labels, labels.active_of(one.frames)),
    }


def _au_facts(labels: Labels, active: npt.NDArray[np.float32]) -> list[Facts]:
    known = (~np.isnan(active)).sum(axis=0).tolist()
    positive = (active == 1).sum(axis=0).tolist()
    return [
        {"au": au, "known": k, "active": p, "rate": p / k if k else None}
        for au, k, p in zip(labels.names, known, positive, strict=True)
    ]


def _image_text(images: Facts | None) -> str:
    if images is None:
        return "none"
    sizes = [f"{count:,} of {size}" for size, count in images["sizes"].items()]
    return (
        f"{images['folder']}: {images['files']:,} files; height x width: "
        f"{first_few(sizes, 3) or 'none readable'}"
    )


def _cache_text(arrays: list[Facts]) -> str:
    frames, damaged = (sum(one[key] for one in arrays) for key in ("frames", "damaged"))
    return f"{frames:,} packed frames in {len(arrays)} files, {damaged:,} damaged"


def _label_text(labels: Facts | None) -> str:
    if labels is None:
        return "none readable"
    source = "as dataset.json says" if labels["kind_is_said"] else "guessed from the values"
    return (
        f"{labels['table']}: {labels['frames']:,} frames, {len(labels['aus'])} AUs, "
        f"{labels['kind']} ({source}), active from {labels['active_from']:g}"
    )


def _set_table(sets: list[Facts]) -> str:
    rows = [["set", "ids", "frames", "subjects", "frames per subject"]]
    for one in sets:
        counts = one["subjects"].values()
        spread = f"{min(counts):,}-{max(counts):,}" if counts else "-"
        rows.append(
            [_set_name(one), f"{one['ids']:,}", f"{one['frames']:,}", str(len(counts)), spread]
        )
    return text_table(rows)


def _au_table(facts: Facts) -> str:
    """Known labels and the share that is active, in the whole table and in the first split."""
    sets = [one for one in facts["sets"] if one["fold"] == facts["sets"][0]["fold"]]
    columns = {"table": facts["labels"]["aus"], **{_set_name(one): one["aus"] for one in sets}}
    rows = [["AU", *(text for name in columns for text in (f"{name}: known", "active"))]]
    for row, entry in enumerate(facts["labels"]["aus"]):
        cells = [text for aus in columns.values() for text in _au_cells(aus[row])]
        rows.append([entry["au"], *cells])
    return text_table(rows)


def _au_cells(entry: Facts) -> tuple[str, str]:
    rate = "-" if entry["rate"] is None else f"{100 * entry['rate']:.1f} %"
    return f"{entry['known']:,}", rate


def _set_name(one: Facts) -> str:
    return str(one["set"]) if one["fold"] is None else f"{one['set']} of fold {one['fold']}"
