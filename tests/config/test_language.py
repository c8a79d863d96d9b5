"""The cfg grammar: what is read, and which line is named when it is refused."""

import os
import time
from pathlib import Path

import pytest

from audetnet.config.language import CfgError, load, parse
from audetnet.errors import UserError

Tree = dict[str, list[tuple[str, dict[str, str]]]]


def tree(text: str) -> Tree:
    """The content of a text, without line numbers."""
    return {
        section.name: [(block.name, block.entries) for block in section.blocks]
        for section in parse(text, "a.cfg")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("\n  \n\t\n# only a comment\n", {}, id="blank lines and comments"),
        pytest.param("{General}", {"General": []}, id="a section without blocks"),
        pytest.param("{A}\n[b]", {"A": [("b", {})]}, id="a block without options"),
        pytest.param("{A}\n[b]\nc=1\nd=2", {"A": [("b", {"c": "1", "d": "2"})]}, id="options"),
        pytest.param(
            "{A} # 1\n[b] # 2\nc=1 # 3\nd=2# 4",
            {"A": [("b", {"c": "1", "d": "2"})]},
            id="a comment ends any line",
        ),
        pytest.param("{A}\n[b]\nc=1 # d=2 # e=3", {"A": [("b", {"c": "1"})]}, id="two hashes"),
        pytest.param(
            "  {A}\n\t[b]\n    c=1\n\t \td=2  \n",
            {"A": [("b", {"c": "1", "d": "2"})]},
            id="any indentation",
        ),
        pytest.param("{A}\n[b]\nc  =\t 1", {"A": [("b", {"c": "1"})]}, id="spaces around ="),
        pytest.param("{A}\r\n[b]\r\nc=1\r\n", {"A": [("b", {"c": "1"})]}, id="CRLF"),
        pytest.param("{A}\n[b]\nc=d=e", {"A": [("b", {"c": "d=e"})]}, id="a value holds ="),
        pytest.param("{A}\n[b]\nc=[1, -5]", {"A": [("b", {"c": "[1, -5]"})]}, id="a list"),
        pytest.param("{A}\n[b]\nc=a b.pth", {"A": [("b", {"c": "a b.pth"})]}, id="inner spaces"),
        pytest.param("{A}\n[b]\nc=Gesichter/ä", {"A": [("b", {"c": "Gesichter/ä"})]}, id="UTF-8"),
        pytest.param("{A}\n[b]\nc=1\nC=2", {"A": [("b", {"c": "1", "C": "2"})]}, id="case counts"),
        pytest.param(
            "{ Image \t Discriminator }\n[ vgg-face ]",
            {"Image Discriminator": [("vgg-face", {})]},
            id="spaces in headers",
        ),
        pytest.param(
            "{A}\n[b]\nc=1\n[b]\nc=2\n{B}\n[b]\nc=3",
            {"A": [("b", {"c": "1"}), ("b", {"c": "2"})], "B": [("b", {"c": "3"})]},
            id="equal blocks stay apart and in order",
        ),
    ],
)
def test_reads(text: str, expected: Tree) -> None:
    assert tree(text) == expected


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("# a page\x0cbreak", id="form feed"),
        pytest.param("# pasted\u2028text", id="line separator"),
        pytest.param("# old\x85text", id="next line"),
    ],
)
def test_only_newlines_end_lines(comment: str) -> None:
    """Else half a comment would be read as an option, and line numbers would not match editors."""
    (section,) = parse(f"{comment}\n{{A}}\n", "a.cfg")
    assert (section.name, section.line) == ("A", 2)


def test_lines_are_those_of_the_file() -> None:
    (section,) = parse("# first\n\n{A}\n\n[b] # fifth\n\n\nc=1\n", "a.cfg")
    (block,) = section.blocks
    assert (section.line, block.line, block.lines) == (3, 5, {"c": 8})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("c", "a.cfg:3: [b] is wrong", id="at the option"),
        pytest.param(None, "a.cfg:2: [b] is wrong", id="at the block"),
        pytest.param("absent", "a.cfg:2: [b] is wrong", id="an option left out: at the block"),
    ],
)
def test_messages_name_the_line_of_the_option_or_block(key: str | None, expected: str) -> None:
    (section,) = parse("{A}\n[b]\nc=1", "a.cfg")
    assert str(section.blocks[0].where.error("is wrong", key)) == expected
    assert str(section.where.error("is wrong")) == "a.cfg:1: {A} is wrong"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c=1", "a.cfg:1: expected a section such as '{General}' before 'c=1'"),
        ("\n# x\n[net] # y", "a.cfg:3: expected a section such as '{General}' before '[net]'"),
        ("nonsense", "a.cfg:1: expected a section such as '{General}' before 'nonsense'"),
        ("{", "a.cfg:1: expected a name and '}' after '{', not '{'"),
        ("{}", "a.cfg:1: expected a name and '}' after '{', not '{}'"),
        ("{ }", "a.cfg:1: expected a name and '}' after '{', not '{ }'"),
        ("{General", "a.cfg:1: expected a name and '}' after '{', not '{General'"),
        ("{General]", "a.cfg:1: expected a name and '}' after '{', not '{General]'"),
        ("{Gen # eral}", "a.cfg:1: expected a name and '}' after '{', not '{Gen'"),
        ("{a{b}}", "a.cfg:1: expected a name and '}' after '{', not '{a{b}}'"),
        ("{A}\n[", "a.cfg:2: expected a name and ']' after '[', not '['"),
        ("{A}\n[]", "a.cfg:2: expected a name and ']' after '[', not '[]'"),
        ("{A}\n[ ]", "a.cfg:2: expected a name and ']' after '[', not '[ ]'"),
        ("{A}\n\n  [net", "a.cfg:3: expected a name and ']' after '[', not '[net'"),
        ("{A}\n[[net]]", "a.cfg:2: expected a name and ']' after '[', not '[[net]]'"),
        ("{A} B", "a.cfg:1: unexpected 'B' after '{A}'"),
        ("{A} [net]", "a.cfg:1: unexpected '[net]' after '{A}'"),
        ("{A}\n[net] c=1", "a.cfg:2: unexpected 'c=1' after '[net]'"),
        ("{A}\n{B}\n{A}", "a.cfg:3: duplicate section '{A}', first on line 1"),
        ("{A B}\n{ A  B }", "a.cfg:2: duplicate section '{A B}', first on line 1"),
        ("{A}\nc=1", "a.cfg:2: 'c' comes before the first [block] of '{A}'"),
        ("{A}\n[b]\n{B}\nc=1", "a.cfg:4: 'c' comes before the first [block] of '{B}'"),
        ("{A}\n[b]\nc", "a.cfg:3: expected 'key=value', '[block]' or '{section}', not 'c'"),
        ("{A}\n[b]\n=1", "a.cfg:3: expected 'key=value', '[block]' or '{section}', not '=1'"),
        ("{A}\n[b]\n1c=1", "a.cfg:3: expected 'key=value', '[block]' or '{section}', not '1c=1'"),
        ("{A}\n[b]\nc d=1", "a.cfg:3: expected 'key=value', '[block]' or '{section}', not 'c d=1'"),
        ("{A}\n[b]\nc: 1", "a.cfg:3: expected 'key=value', '[block]' or '{section}', not 'c: 1'"),
        ("{A}\n[b]\nc=1\n\nc=1", "a.cfg:5: [b] duplicate option 'c', first on line 3"),
        ("{A}\n[b]\nc=1\nc=", "a.cfg:4: [b] duplicate option 'c', first on line 3"),
        ("{A}\n[b]\nc=", "a.cfg:3: [b] option 'c' has no value"),
        ("{A}\r\n[b]\r\nc= # none", "a.cfg:3: [b] option 'c' has no value"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(CfgError) as error:
        parse(text, "a.cfg")
    assert str(error.value) == message


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{A}\n[b]\nc=\xc3\xa4\n", id="plain"),
        pytest.param(b"{A}\r\n[b]\r\nc=\xc3\xa4\r\n", id="CRLF"),
        pytest.param(b"{A}\r[b]\rc=\xc3\xa4\r", id="CR"),
        pytest.param(b"\xef\xbb\xbf{A}\n[b]\nc=\xc3\xa4\n", id="BOM"),
        pytest.param(b"\xef\xbb\xbf{A}\r\n[b]\r\nc=\xc3\xa4", id="BOM and CRLF, no last newline"),
    ],
)
def test_loads_files_of_any_editor(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.cfg"
    path.write_bytes(content)
    assert tree(load(path)) == {"A": [("b", {"c": "ä"})]}
    assert load(str(path)) == load(path)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(b"{A}\n\xff\xfe", ":2: not a UTF-8 text file", id="a wrong byte"),
        pytest.param(b"{A}\r\n[b]\rc=\xe4\n", ":3: not a UTF-8 text file", id="Latin-1"),
        pytest.param(b"\xef\xbb\xbf{A}\n\xff", ":2: not a UTF-8 text file", id="after a BOM"),
        pytest.param("{A}\n".encode("utf-16"), ":1: not a UTF-8 text file", id="UTF-16"),
        pytest.param("{A}\n".encode("utf-16-le"), ":1: not a UTF-8 text file", id="UTF-16, no BOM"),
        pytest.param(b"{A}\n[b]\nc=\0", ":3: not a UTF-8 text file", id="a zero byte"),
    ],
)
def test_invalid_utf_8_is_refused_with_its_line(tmp_path: Path, content: bytes, place: str) -> None:
    path = tmp_path / "a.cfg"
    path.write_bytes(content)
    with pytest.raises(CfgError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}{place}")


def test_refuses_files_that_cannot_be_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.cfg"
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path / "absent.cfg", "cannot be read: No such file or directory"),
        (Path("zero\0byte.cfg"), "cannot be read: embedded null byte"),
        (tmp_path, "expected a file, found a directory"),
        (pipe, "expected a file, found a pipe, socket or device"),
    ):
        with pytest.raises(UserError) as error:
            load(path)
        assert str(error.value) == f"{path}: {reason}"


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LONG, id="a line before any section"),
        pytest.param(f"{{A}}\n[b]\n{LONG}", id="a line that is no option"),
        pytest.param(f"{{A}}\n{LONG}=1", id="a key before any block"),
        pytest.param(f"{{A}}\n[b]\n{LONG}=1\n{LONG}=1", id="a key twice"),
        pytest.param(f"{{A}}\n[b]\n{LONG}=", id="a key without a value"),
        pytest.param(f"{{A}}\n[b{LONG}]\nc=", id="the name of a block"),
        pytest.param(f"{{{LONG}}}\n{{{LONG}}}", id="a section twice"),
        pytest.param(f"{{{LONG}}}\nc=1", id="the name of a section"),
        pytest.param(f"{{{LONG}", id="a header without its end"),
        pytest.param(f"{{A}} {LONG}", id="a line after a header"),
    ],
)
def test_long_lines_are_quoted_by_their_beginning(text: str) -> None:
    with pytest.raises(CfgError) as error:
        parse(text, "a.cfg")
    assert "xxx..." in str(error.value)
    assert len(str(error.value)) < 300


def test_sections_are_read_in_linear_time() -> None:
    """20,000 took 4 seconds when each was compared with all before it."""
    text = "".join(f"{{S{index}}}\n" for index in range(20_000))
    started = time.process_time()
    assert len(parse(text, "a.cfg")) == 20_000
    assert time.process_time() - started < 1
