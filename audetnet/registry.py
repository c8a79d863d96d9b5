"""Registration of block types, AU losses and objectives by name."""

from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

Entry = TypeVar("Entry")


def register(known: MutableMapping[str, Any], name: str) -> Callable[[Entry], Entry]:
    """A decorator that registers a class or function under a unique name."""

    def decorate(entry: Entry) -> Entry:
        assert name not in known, name
        known[name] = entry
        return entry

    return decorate
