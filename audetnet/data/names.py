"""Valid names of frames, subjects, folds and AUs.

Names are written into lists, tables and file names, so characters that would end a line or lead to
another directory are forbidden.
"""

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends, and surrogates, which UTF-8 cannot encode."""
_RESERVED_AU_NAMES = ("mean",)
"""Rows of results.csv that are not AUs."""


def id_fault(frame: str) -> str | None:
    """Why text is not a valid frame id, as the end of a sentence; None if it is."""
    if _UNPRINTABLE.search(frame):
        return "contains a control character or line end"
    if re.search(r'[/\\,;"]', frame):
        return 'contains one of / \\ , ; "'
    if not frame or re.search(r"^[\s\"']|[\s\"']$", frame):
        return "is empty, or begins or ends with a space or quotation mark"
    return None


def subject_fault(name: str) -> str | None:
    """Why text is not a valid name of a subject; None if it is."""
    if _UNPRINTABLE.search(name):
        return "contains a control character or line end"
    return None if name.strip() else "is empty"


def folder_fault(name: str) -> str | None:
    """Why text is not a valid name of a fold and its folder; None if it is."""
    if _UNPRINTABLE.search(name):
        return "contains a control character or line end"
    if not name.strip() or name in (".", "..") or re.search(r"[/\\]", name):
        return "is not a valid folder name"
    return None


def au_fault(name: str) -> str | None:
    """Why text is not a valid name of an AU; None if it is."""
    if _UNPRINTABLE.search(name):
        return "contains a control character or line end"
    if not name.strip():
        return "is empty"
    if name.strip().casefold() in _RESERVED_AU_NAMES:
        return "stands for the mean of all AUs in results; rename the AU"
    return None
