"""Binding the options of a block to typed values: every kind of annotation."""

from typing import Annotated, Any, Literal

import pytest

from audetnet.config.binding import (
    Natural,
    OptionError,
    Parameter,
    Range,
    Reference,
    bind,
    convert,
    parameters,
)
from audetnet.config.language import Block, CfgError, parse

Choice = Literal["relu", "leaky_relu", "tanh"]
Positive = Annotated[int, Range(1)]
Weight = Annotated[float, Range(0)]
Open = Annotated[float, Range(0, open=True)]
Between = Annotated[int, Range(1, most=1_000_000)]
Below = Annotated[float, Range(0, below=1)]
Triple = tuple[float, float, float]
References = tuple[Annotated[int, Reference()], ...]
Size = Positive | tuple[Positive, Positive] | None


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "3", 3),
        (int, "-3", -3),
        (int, "+3", 3),
        (float, "3", 3.0),
        (float, "0.5", 0.5),
        (float, ".5", 0.5),
        (float, "1e-5", 1e-5),
        (float, "-1E3", -1000.0),
        (bool, "True", True),
        (bool, "False", False),
        (bool, "true", True),
        (bool, "FALSE", False),
        (bool, "1", True),
        (bool, "0", False),
        (str, "a b", "a b"),
        (str, "1", "1"),
        (type(None), "None", None),
        (type(None), "none", None),
        (Positive, "1", 1),
        (Natural, "0", 0),
        (Weight, "0", 0.0),
        (Open, "1e-30", 1e-30),
        (Between, "1000000", 1_000_000),
        (Below, "0", 0.0),
        (Below, "0.999", 0.999),
        (Choice, "leaky_relu", "leaky_relu"),
        (Choice | None, "tanh", "tanh"),
        (Choice | None, "None", None),
        (Positive | None, "None", None),
        (Positive | None, "7", 7),
        (Natural | bool, "True", True),
        (Natural | bool, "False", False),
        (Natural | bool, "1", 1),
        (Natural | bool, "0", 0),
        (Triple, "0.485, 0.456, 0.406", (0.485, 0.456, 0.406)),
        (Triple, "1,1,1", (1.0, 1.0, 1.0)),
        (Triple, "[1, 2,3 ]", (1.0, 2.0, 3.0)),
        (References, "1,-5", (1, -5)),
        (References, "1, -5", (1, -5)),
        (References, "1 ,-5", (1, -5)),
        (References, "[1,-5]", (1, -5)),
        (References, "[ 1, -5 ]", (1, -5)),
        (References, "-1", (-1,)),
        (References, "-1,0,-3,4", (-1, 0, -3, 4)),
        (tuple[str, ...], "AU1, AU 2,AU4", ("AU1", "AU 2", "AU4")),
        (Size, "64", 64),
        (Size, "64,48", (64, 48)),
        (Size, "[64, 48]", (64, 48)),
        (Size, "None", None),
        (str | None, "weights.pth", "weights.pth"),
        (tuple[str, ...] | None, "AU1,AU2", ("AU1", "AU2")),
        # None means None even where text is allowed, else the default could not be written out.
        (str | None, "None", None),
        (tuple[str, ...] | None, "None", None),
    ],
)
def test_converts(hint: Any, text: str, value: Any) -> None:
    converted = convert(text, hint)
    assert converted == value
    assert type(converted) is type(value)


THREE_NUMBERS = "expected 3 values separated by commas, each a number"
INTEGERS = "expected a list separated by commas, each an integer"
SIZE = (
    "expected an integer of at least 1 or 2 values separated by commas, each an integer of at "
    "least 1 or None"
)


@pytest.mark.parametrize(
    ("hint", "text", "message"),
    [
        (int, "3.0", "expected an integer"),
        (int, "1e3", "expected an integer"),
        (int, "three", "expected an integer"),
        (int, "True", "expected an integer"),
        (int, "1,2", "expected an integer"),
        (float, "0,5", "expected a number"),
        (float, "x", "expected a number"),
        (float, "nan", "expected a number"),
        (float, "inf", "expected a number"),
        (float, "-infinity", "expected a number"),
        (float, "1e999", "expected a number"),
        (bool, "2", "expected True or False"),
        (bool, "yes", "expected True or False"),
        (bool, "None", "expected True or False"),
        (type(None), "0", "expected None"),
        (Positive, "0", "expected an integer of at least 1"),
        (Positive, "2.5", "expected an integer of at least 1"),
        (Positive, "9" * 5000, "expected an integer of at least 1"),
        (Natural, "-1", "expected an integer of at least 0"),
        (Weight, "-0.1", "expected a number of at least 0"),
        (Open, "0", "expected a number greater than 0"),
        (Between, "0", "expected an integer of at least 1 and at most 1000000"),
        (Between, "1000001", "expected an integer of at least 1 and at most 1000000"),
        (Below, "1", "expected a number of at least 0 and below 1"),
        (Below, "-0.5", "expected a number of at least 0 and below 1"),
        (Choice, "leaky-relu", "unknown choice; did you mean 'leaky_relu'?"),
        (Choice, "swish", "unknown choice; known are: relu, leaky_relu, tanh"),
        (Choice, "None", "unknown choice; known are: relu, leaky_relu, tanh"),
        (Choice | None, "swish", "expected one of relu, leaky_relu, tanh or None"),
        (Positive | None, "0", "expected an integer of at least 1 or None"),
        (Natural | bool, "-1", "expected an integer of at least 0 or True or False"),
        (Natural | bool, "maybe", "expected an integer of at least 0 or True or False"),
        (Triple, "1,2", THREE_NUMBERS),
        (Triple, "1,2,3,4", THREE_NUMBERS),
        (Triple, "1,2,x", THREE_NUMBERS),
        (Triple, "1;2;3", THREE_NUMBERS),
        (Triple, "[1,2,3", THREE_NUMBERS),
        (Triple, "(1,2,3)", THREE_NUMBERS),
        (Triple | None, "1", f"{THREE_NUMBERS} or None"),
        (References, "1,", INTEGERS),
        (References, "1,,2", INTEGERS),
        (References, "1 -5", INTEGERS),
        (References, "[]", INTEGERS),
        (References, "1, two", INTEGERS),
        (Size, "64,64,64", SIZE),
        (Size, "0", SIZE),
        (Size, "64,0", SIZE),
        (Size, "[64]", SIZE),
    ],
)
def test_refuses(hint: Any, text: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        convert(text, hint)
    assert str(error.value) == message


def builder(
    source: int, *, filters: Positive, pad: Natural | bool = 0, mode: Choice | None = None
) -> None:
    """A block type like the networks' builders: its options are the keyword-only parameters."""


def block(options: str) -> Block:
    (section,) = parse(f"{{Encoder}}\n[conv]\n{options}", "a.cfg")
    return section.blocks[0]


def test_keyword_parameters_are_the_schema() -> None:
    schema = parameters(builder)
    assert list(schema) == ["filters", "pad", "mode"]
    assert [parameter.required for parameter in schema.values()] == [True, False, False]
    assert schema["mode"] == Parameter("mode", Choice | None, None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("filters=4", {"filters": 4, "pad": 0, "mode": None}),
        ("mode=relu\npad=True\nfilters=4", {"filters": 4, "pad": True, "mode": "relu"}),
        ("filters=4\nmode=None # off", {"filters": 4, "pad": 0, "mode": None}),
    ],
)
def test_binds_with_defaults(options: str, expected: dict[str, Any]) -> None:
    assert bind(builder, block(options)) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("pad=1", "a.cfg:2: [conv] missing option 'filters' (an integer of at least 1)"),
        ("", "a.cfg:2: [conv] missing option 'filters' (an integer of at least 1)"),
        ("filters=4\nfiltres=4", "a.cfg:4: [conv] unknown option 'filtres'"),
        ("filters=4\n\nwidth=4", "a.cfg:5: [conv] unknown option 'width'"),
        ("filters=4\nsource=4", "a.cfg:4: [conv] unknown option 'source'"),
        ("filters=0", "a.cfg:3: [conv] filters=0: expected an integer of at least 1"),
        (
            "filters=4\npad = -1",
            "a.cfg:4: [conv] pad=-1: expected an integer of at least 0 or True or False",
        ),
        (
            "mode=swish\nfilters=4",
            "a.cfg:3: [conv] mode=swish: expected one of relu, leaky_relu, tanh or None",
        ),
    ],
)
def test_names_the_line_of_a_wrong_option(options: str, message: str) -> None:
    with pytest.raises(CfgError) as error:
        bind(builder, block(options))
    text, suggestion, _ = str(error.value).partition("; ")
    assert text == message
    assert bool(suggestion) == ("unknown" in message)


def test_suggests_an_option() -> None:
    with pytest.raises(CfgError, match=r"'filtres'; did you mean 'filters'\?$"):
        bind(builder, block("filtres=4"))
    with pytest.raises(CfgError, match=r"'width'; known are: filters, pad, mode$"):
        bind(builder, block("width=4"))


def test_ignored_options_are_accepted_but_not_bound() -> None:
    options = block("filters=4\nold=whatever")
    assert bind(builder, options, frozenset({"old"})) == {"filters": 4, "pad": 0, "mode": None}
    with pytest.raises(CfgError, match="unknown option 'old'"):
        bind(builder, options)


def test_a_close_choice_is_suggested_even_if_none_is_allowed() -> None:
    with pytest.raises(OptionError) as error:
        convert("leakyrelu", Literal["relu", "leaky_relu"] | None)
    expected = "expected one of relu, leaky_relu or None; did you mean 'leaky_relu'?"
    assert str(error.value) == expected
