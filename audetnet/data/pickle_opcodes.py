"""The opcodes used in pickles of dicts, numbers and NumPy arrays by Python 2 and 3, protocols 0 to
5 (documented in pickletools). All others are refused.
"""

import pickle
from collections.abc import Callable
from typing import Any

from audetnet.data.pickle_machine import PickleError, PickleMachine, Step

_LONGEST_NUMBER = 500
"""The most characters of a number written as text: no float has more before its point."""


def run_pickle(content: bytes, find: Callable[[str, str], Any]) -> Any:
    """The pickled object. ``find`` returns what (module, name) stands for. Raises PickleError."""
    steps = [_ALLOWED.get(bytes([code]), PickleMachine.refuse) for code in range(256)]
    return PickleMachine(content, find).run(steps)


def _pushed(value: Callable[[PickleMachine], Any]) -> Step:
    """A step without an argument."""

    def step(machine: PickleMachine, at: int) -> int:
        machine.push(value(machine))
        return at

    return step


def _tupled(count: int) -> Step:
    """A step that makes a tuple of the last ``count`` objects on the stack."""

    def step(machine: PickleMachine, at: int) -> int:
        stack = machine.stack
        stack[-count:] = [tuple(stack[-count:])]
        return at

    return step


def _fixed(size: int, act: Callable[[PickleMachine, bytes], None]) -> Step:
    """A step whose argument has ``size`` bytes."""

    def step(machine: PickleMachine, at: int) -> int:
        act(machine, machine.content[at : at + size])
        return at + size

    return step


def _sized(size: int, read: Callable[[bytes], Any]) -> Step:
    """A step whose argument follows its length, a number of ``size`` bytes."""

    def step(machine: PickleMachine, at: int) -> int:
        content = machine.content
        begin = at + size
        end = begin + int.from_bytes(content[at:begin], "little")
        machine.push(read(content[begin:end]))
        return end

    return step


def _line(act: Callable[[PickleMachine, bytes], None]) -> Step:
    """A step whose argument is a line."""

    def step(machine: PickleMachine, at: int) -> int:
        end = machine.content.index(b"\n", at)
        act(machine, machine.content[at:end])
        return end + 1

    return step


def _digits(line: bytes) -> bytes:
    if len(line) > _LONGEST_NUMBER:
        raise PickleError(f"it contains a number of {len(line)} characters")
    return line


def _integer(line: bytes) -> int:
    """17, 17L, or 00 and 01 for False and True."""
    digits = _digits(line).rstrip(b"L")
    return digits == b"01" if digits in (b"00", b"01") else int(digits)


def _signed(content: bytes) -> int:
    return int.from_bytes(content, "little", signed=True)


def _unsigned(content: bytes) -> int:
    return int.from_bytes(content, "little")


_ALLOWED: dict[bytes, Step] = {
    pickle.PROTO: _fixed(1, lambda machine, protocol: None),
    pickle.FRAME: _fixed(8, lambda machine, size: None),
    pickle.NONE: _pushed(lambda machine: None),
    pickle.NEWTRUE: _pushed(lambda machine: True),
    pickle.NEWFALSE: _pushed(lambda machine: False),
    pickle.INT: _line(lambda machine, line: machine.push(_integer(line))),
    pickle.LONG: _line(lambda machine, line: machine.push(_integer(line))),
    pickle.BININT: _fixed(4, lambda machine, content: machine.push(_signed(content))),
    pickle.BININT1: PickleMachine.push_byte,
    pickle.BININT2: _fixed(2, lambda machine, content: machine.push(_unsigned(content))),
    pickle.LONG1: _sized(1, _signed),
    pickle.FLOAT: _line(lambda machine, line: machine.push(float(_digits(line)))),
    pickle.BINFLOAT: PickleMachine.push_double,
    pickle.STRING: _line(
        lambda machine, line: machine.push(line.strip()[1:-1].decode("unicode_escape"))
    ),
    pickle.SHORT_BINSTRING: _sized(1, lambda content: content.decode("latin1")),
    pickle.BINSTRING: _sized(4, lambda content: content.decode("latin1")),
    pickle.UNICODE: _line(lambda machine, line: machine.push(line.decode("raw_unicode_escape"))),
    pickle.SHORT_BINUNICODE: _sized(1, bytes.decode),
    pickle.BINUNICODE: _sized(4, bytes.decode),
    pickle.BINUNICODE8: _sized(8, bytes.decode),
    pickle.SHORT_BINBYTES: _sized(1, bytes),
    pickle.BINBYTES: _sized(4, bytes),
    pickle.BINBYTES8: _sized(8, bytes),
    pickle.BYTEARRAY8: _sized(8, bytes),
    pickle.EMPTY_TUPLE: _pushed(lambda machine: ()),
    pickle.TUPLE1: _tupled(1),
    pickle.TUPLE2: _tupled(2),
    pickle.TUPLE3: _tupled(3),
    pickle.TUPLE: _pushed(lambda machine: tuple(machine.pop_marked())),
    pickle.EMPTY_LIST: _pushed(lambda machine: []),
    pickle.LIST: _pushed(PickleMachine.pop_marked),
    pickle.EMPTY_DICT: _pushed(lambda machine: {}),
    pickle.DICT: PickleMachine.push_dict,
    pickle.MARK: PickleMachine.mark,
    pickle.APPEND: PickleMachine.append,
    pickle.APPENDS: PickleMachine.append_marked,
    pickle.SETITEM: PickleMachine.set_item,
    pickle.SETITEMS: PickleMachine.set_marked,
    pickle.GET: _line(lambda machine, line: machine.recall(int(_digits(line)))),
    pickle.BINGET: PickleMachine.recall_byte,
    pickle.LONG_BINGET: _fixed(4, lambda machine, content: machine.recall(_unsigned(content))),
    pickle.PUT: _line(lambda machine, line: machine.remember(int(_digits(line)))),
    pickle.BINPUT: PickleMachine.remember_at_byte,
    pickle.LONG_BINPUT: _fixed(4, lambda machine, content: machine.remember(_unsigned(content))),
    pickle.MEMOIZE: PickleMachine.remember_next,
    pickle.GLOBAL: PickleMachine.push_named,
    pickle.STACK_GLOBAL: PickleMachine.push_named_on_stack,
    pickle.REDUCE: PickleMachine.call,
    pickle.BUILD: PickleMachine.build,
}
