"""Converts the options of a block to the types of a signature, whose keyword parameters are the
schema.

An annotation is ``int``, ``float``, ``bool``, ``str``, ``Literal`` (a choice), ``tuple[T, ...]`` or
``tuple[T, T, T]`` (a list), a union of these, ``Annotated[T, Range(..)]`` or
``Annotated[T, Reference()]``. A parameter without a default is a required option.
"""

import inspect
import math
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from audetnet.config.language import Block
from audetnet.errors import did_you_mean, shorten, suggestion

_TRUE = {"true": True, "1": True}
_FALSE = {"false": False, "0": False}


@dataclass(frozen=True)
class Range:
    """Bounds of a number: at least ``low`` (greater than it if ``open``) and, if given, at most
    ``most`` or below ``below``.
    """

    low: float
    _: KW_ONLY
    most: float | None = None
    below: float | None = None
    open: bool = False

    def contains(self, value: float) -> bool:
        above = value > self.low if self.open else value >= self.low
        return (
            above
            and (self.below is None or value < self.below)
            and (self.most is None or value <= self.most)
        )

    def __str__(self) -> str:
        text = f"greater than {self.low:.12g}" if self.open else f"of at least {self.low:.12g}"
        if self.most is not None:
            text = f"{text} and at most {self.most:.12g}"
        return text if self.below is None else f"{text} and below {self.below:.12g}"


@dataclass(frozen=True)
class Reference:
    """Marks an integer that names another block of the same network."""


Natural = Annotated[int, Range(0)]
Channels = Annotated[int, Range(1, most=1_000_000)]
"""A 1x1 convolution from the maximum to the maximum has 4 TB of weights."""
Side = Annotated[int, Range(1, most=10_000)]
"""Pixels along an edge: the largest frame takes 300 MB."""
Border = Annotated[int, Range(0, most=10_000)]


class OptionError(Exception):
    """A wrong option; callers that know the block turn it into a CfgError with a line number."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True)
class Parameter:
    """One option of a block: its type annotation and its default."""

    name: str
    hint: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@cache
def parameters(schema: Callable[..., Any]) -> dict[str, Parameter]:
    """The options of a builder or dataclass: its keyword-only parameters."""
    hints = get_type_hints(schema, include_extras=True)
    return {
        name: Parameter(name, hints[name], parameter.default)
        for name, parameter in inspect.signature(schema).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def bind(
    schema: Callable[..., Any], block: Block, ignored: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The typed options of a block, including defaults. Raises CfgError with the line number."""
    known = parameters(schema)
    for key in block.entries:
        if key not in known and key not in ignored:
            raise block.where.error(
                f"unknown option '{shorten(key)}'{did_you_mean(key, known)}", key
            )
    return {name: _value(parameter, block) for name, parameter in known.items()}


def _value(parameter: Parameter, block: Block) -> Any:
    if parameter.name not in block.entries:
        if parameter.required:
            raise block.where.error(
                f"missing option '{parameter.name}' ({describe(parameter.hint)})"
            )
        return parameter.default
    text = block.entries[parameter.name]
    try:
        return convert(text, parameter.hint)
    except OptionError as error:
        raise block.where.error(
            f"{parameter.name}={shorten(text)}: {error}", parameter.name
        ) from None


def convert(text: str, hint: Any) -> Any:
    """Convert text to the type ``hint``. Raises OptionError saying what was expected."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        with suppress(OptionError):
            value = convert(text, inner)
            if all(mark.contains(value) for mark in marks if isinstance(mark, Range)):
                return value
    elif origin in (Union, types.UnionType):
        return _convert_union(text, hint)
    elif origin is tuple:
        return _convert_list(text, hint)
    elif origin is Literal:
        if text in get_args(hint):
            return text
        raise OptionError(f"unknown choice{did_you_mean(text, get_args(hint))}")
    else:
        with suppress(ValueError):
            return _SCALARS[hint](text)
    raise OptionError(f"expected {describe(hint)}")


def _convert_union(text: str, hint: Any) -> Any:
    members = sorted(get_args(hint), key=lambda member: member is not type(None))
    for member in members:
        try:
            return convert(text, member)
        except OptionError:
            continue
    choices = [name for member in members for name in get_args(member) if isinstance(name, str)]
    raise OptionError(f"expected {describe(hint)}{suggestion(text, choices)}")


def _convert_list(text: str, hint: Any) -> tuple[Any, ...]:
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    items = [item.strip() for item in text.split(",")]
    members = get_args(hint)
    if members[-1] is Ellipsis:
        members = (members[0],) * len(items)
    if len(items) != len(members):
        raise OptionError(f"expected {describe(hint)}")
    try:
        return tuple(convert(item, member) for item, member in zip(items, members, strict=True))
    except OptionError:
        raise OptionError(f"expected {describe(hint)}") from None


def _to_bool(text: str) -> bool:
    try:
        return (_TRUE | _FALSE)[text.lower()]
    except KeyError:
        raise ValueError from None


def _to_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _to_text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _to_none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError


_SCALARS: Mapping[Any, Callable[[str], Any]] = {
    int: int,
    float: _to_float,
    bool: _to_bool,
    str: _to_text,
    type(None): _to_none,
}
_NAMES: Mapping[Any, str] = {
    int: "an integer",
    float: "a number",
    bool: "True or False",
    str: "text",
    type(None): "None",
}


def describe(hint: Any) -> str:
    """An annotation in words: ``an integer of at least 1 or None``."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        return " ".join(
            [describe(inner), *(str(mark) for mark in marks if isinstance(mark, Range))]
        )
    if origin in (Union, types.UnionType):
        return " or ".join(describe(member) for member in get_args(hint))
    if origin is Literal:
        return "one of " + ", ".join(get_args(hint))
    if origin is tuple:
        members = get_args(hint)
        count = "a list" if members[-1] is Ellipsis else f"{len(members)} values"
        return f"{count} separated by commas, each {describe(members[0])}"
    return _NAMES[hint]
