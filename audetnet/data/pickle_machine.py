"""A machine that runs pickles: it builds dicts, lists, tuples, texts, bytes and numbers, and calls
only what it is given.

Python's own cannot be bounded: nine bytes make its memo 4 GB large, a tuple within a tuple within
... as a key overruns the stack, and BUILD reaches into any object. Here an opcode takes memory in
proportion to its own bytes, and keys are texts.
"""

import pickle
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_STOP = pickle.STOP[0]
_DOUBLE = struct.Struct(">d")


class PickleError(Exception):
    """Why a pickle is not read; its text is a reason without the path."""


class StandIn:
    """An object that a pickle describes in two steps: a call makes it, BUILD completes it."""

    def build(self, state: Any) -> None:
        """Take the state that the pickle gives it. Raises PickleError."""
        raise PickleError("it gives a state to what has none")


def set_items(target: Any, pairs: Iterable[tuple[Any, Any]]) -> None:
    """Fill a dict. Raises PickleError at keys that are no texts: others need not be hashable."""
    if type(target) is not dict:
        raise PickleError("it sets items of what is no dict")
    for key, value in pairs:
        if type(key) is not str:
            raise PickleError(
                f"expected a pickled dict with frame ids as keys, found {type(key).__name__} as one"
            )
        target[key] = value


class PickleMachine:
    """Runs one pickle. ``find`` gives what (module, name) stands for, or raises PickleError.

    A step is told where its argument begins and says where that ends; an argument that is cut short
    ends behind the content, where no opcode is found.
    """

    def __init__(self, content: bytes, find: Callable[[str, str], Any]) -> None:
        self.content = content
        self.stack: list[Any] = []
        self.push = self.stack.append
        self._find = find
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, steps: Sequence["Step"]) -> Any:
        """What the pickle holds; ``steps`` by opcode. Raises PickleError."""
        content = self.content
        at = 0
        try:
            while (code := content[at]) != _STOP:
                at = steps[code](self, at + 1)
            return self.stack.pop()
        except (LookupError, ValueError, TypeError, struct.error) as error:
            raise PickleError(f"it is cut short or broken at byte {at}") from error

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
        """What two lines name."""
        middle = self.content.index(b"\n", at)
        end = self.content.index(b"\n", middle + 1)
        self.push(
            self._find(self.content[at:middle].decode(), self.content[middle + 1 : end].decode())
        )
        return end + 1

    def push_named_on_stack(self, at: int) -> int:
        """What two texts name."""
        name, module = self.stack.pop(), self.stack.pop()
        if type(module) is not str or type(name) is not str:
            raise PickleError("it names something by what is no text")
        self.push(self._find(module, name))
        return at

    def call(self, at: int) -> int:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise PickleError("it calls what cannot be called")
        self.push(function(*arguments))
        return at

    def build(self, at: int) -> int:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, StandIn):
            raise PickleError("it gives a state to what has none")
        target.build(state)
        return at

    def refuse(self, at: int) -> int:
        opcode = self.content[at - 1 : at]
        raise PickleError(f"it holds an opcode {opcode!r} at byte {at - 1}, which is not allowed")

    def _extend(self, items: list[Any], at: int) -> int:
        target = self.stack[-1]
        if type(target) is not list:
            raise PickleError("it appends to what is no list")
        target.extend(items)
        return at

    def _set(self, items: list[Any], at: int) -> int:
        set_items(self.stack[-1], zip(items[::2], items[1::2], strict=True))
        return at


Step = Callable[[PickleMachine, int], int]
