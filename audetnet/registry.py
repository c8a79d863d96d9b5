"""Things that are found by a name: block types, AU losses, objectives."""

from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

Entry = TypeVar("Entry")


def register(known: MutableMapping[str, Any], name: str) -> Callable[[Entry], Entry]:
    """A decorator that enters what it stands before under a name, which nothing else may have."""

    def register(entry: Entry) -> Entry:
        assert name not in known, name
        known[name] = entry
        return entry

    return register
