"""What frames, subjects, folds and AUs may be called.

Names become lines of lists, cells of tables and names of files: what they may not hold would end a
line or lead into another folder.
"""

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends and halves of characters, which no file can hold."""
_RESERVED_AU_NAMES = ("mean",)
"""Rows of results.csv that are no AU."""


def id_fault(frame: str) -> str | None:
    """Why a text cannot be a frame id, as the end of a sentence about it; None where it can."""
    if _UNPRINTABLE.search(frame):
        return "holds a control character or line end"
    if re.search(r'[/\\,;"]', frame):
        return 'holds one of / \\ , ; "'
    if not frame or re.search(r"^[\s\"']|[\s\"']$", frame):
        return "is empty, or has a space or quotation mark at an end"
    return None


def subject_fault(name: str) -> str | None:
    """Why a text cannot be the name of a subject."""
    if _UNPRINTABLE.search(name):
        return "holds a control character or line end"
    return None if name.strip() else "is empty"


def folder_fault(name: str) -> str | None:
    """Why a text cannot be the name of a fold, which is that of its folder, too."""
    if _UNPRINTABLE.search(name):
        return "holds a control character or line end"
    if not name.strip() or name in (".", "..") or re.search(r"[/\\]", name):
        return "cannot name a folder"
    return None


def au_fault(name: str) -> str | None:
    """Why a text cannot be the name of an AU."""
    if _UNPRINTABLE.search(name):
        return "holds a control character or line end"
    if not name.strip():
        return "is empty"
    if name.strip().casefold() in _RESERVED_AU_NAMES:
        return "stands for the mean of all AUs in results; rename the AU"
    return None
