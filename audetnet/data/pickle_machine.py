"""A safe pickle interpreter: it builds dicts, lists, tuples, strings, bytes and numbers, and calls
only what it is given.

Python's own cannot be bounded: nine bytes grow its memo to 4 GB, deeply nested tuples as keys
overflow the stack, and BUILD modifies any object. Here each opcode takes memory in proportion to
its own bytes, and keys must be strings.
"""

import pickle
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_STOP = pickle.STOP[0]
_DOUBLE = struct.Struct(">d")


class PickleError(Exception):
    """Why a pickle is refused; the text does not name the path."""


class StandIn:
    """An object that a pickle creates in two steps: a call makes it, BUILD sets its state."""

    def build(self, state: Any) -> None:
        """Set the state. Raises PickleError."""
        raise PickleError("it sets the state of an object that has none")


def set_items(target: Any, pairs: Iterable[tuple[Any, Any]]) -> None:
    """Fill a dict. Raises PickleError if a key is not a string: others may not be hashable."""
    if type(target) is not dict:
        raise PickleError("it sets items of an object that is not a dict")
    for key, value in pairs:
        if type(key) is not str:
            raise PickleError(
                f"expected a pickled dict with frame ids as keys, found {type(key).__name__} as one"
            )
        target[key] = value


class PickleMachine:
    """Runs one pickle. ``find`` returns what (module, name) stands for, or raises PickleError.

    A step gets the offset of its argument and returns the offset of the next opcode. If an argument
    is truncated that is beyond the end, where reading the opcode fails.
    """

    def __init__(self, content: bytes, find: Callable[[str, str], Any]) -> None:
        self.content = content
        self.stack: list[Any] = []
        self.push = self.stack.append
        self._find = find
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, steps: Sequence["Step"]) -> Any:
        """The pickled object; ``steps`` are indexed by opcode. Raises PickleError."""
        content = self.content
        at = 0
        try:
            while (code := content[at]) != _STOP:
                at = steps[code](self, at + 1)
            return self.stack.pop()
        except (LookupError, ValueError, TypeError, struct.error) as error:
            raise PickleError(f"it is truncated or damaged at byte {at}") from error

    def push_byte(self, at: int) -> int:
        self.push(self.content[at])
        return at + 1

    def push_double(self, at: int) -> int:
        self.push(_DOUBLE.unpack_from(self.content, at)[0])
        return at + 8

    def mark(self, at: int) -> int:
        self._marks.append(len(self.stack))
        return at

    def pop_marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        mark = self._marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def push_dict(self, at: int) -> int:
        items = self.pop_marked()
        self.push({})
        return self._set(items, at)

    def append(self, at: int) -> int:
        return self._extend([self.stack.pop()], at)

    def append_marked(self, at: int) -> int:
        return self._extend(self.pop_marked(), at)

    def set_item(self, at: int) -> int:
        value = self.stack.pop()
        return self._set([self.stack.pop(), value], at)

    def set_marked(self, at: int) -> int:
        return self._set(self.pop_marked(), at)

    def remember_next(self, at: int) -> int:
        self._memo[len(self._memo)] = self.stack[-1]
        return at

    def remember_at_byte(self, at: int) -> int:
        self._memo[self.content[at]] = self.stack[-1]
        return at + 1

    def remember(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    def recall_byte(self, at: int) -> int:
        self.push(self._memo[self.content[at]])
        return at + 1

    def recall(self, index: int) -> None:
        self.push(self._memo[index])

    def push_named(self, at: int) -> int:
        """Push the object named by two lines."""
        middle = self.content.index(b"\n", at)
        end = self.content.index(b"\n", middle + 1)
        self.push(
            self._find(self.content[at:middle].decode(), self.content[middle + 1 : end].decode())
        )
        return end + 1

    def push_named_on_stack(self, at: int) -> int:
        """Push the object named by two strings on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        if type(module) is not str or type(name) is not str:
            raise PickleError("it refers to an object by a name that is not a string")
        self.push(self._find(module, name))
        return at

    def call(self, at: int) -> int:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise PickleError("it calls an object that is not callable")
        self.push(function(*arguments))
        return at

    def build(self, at: int) -> int:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, StandIn):
            raise PickleError("it sets the state of an object that has none")
        target.build(state)
        return at

    def refuse(self, at: int) -> int:
        opcode = self.content[at - 1 : at]
        raise PickleError(f"it contains the opcode {opcode!r} at byte {at - 1}: not allowed")

    def _extend(self, items: list[Any], at: int) -> int:
        target = self.stack[-1]
        if type(target) is not list:
            raise PickleError("it appends to an object that is not a list")
        target.extend(items)
        return at

    def _set(self, items: list[Any], at: int) -> int:
        set_items(self.stack[-1], zip(items[::2], items[1::2], strict=True))
        return at


Step = Callable[[PickleMachine, int], int]
