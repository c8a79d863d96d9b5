"""The syntax of cfg files: parses text into sections, blocks and entries with line numbers.

    {Section}            # a comment
    [block]
    key = value          # spaces around key and value are ignored

Which sections, blocks and keys exist is defined in options.py.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audetnet.errors import UserError, shorten
from audetnet.files.atomic import check_regular

_HEADERS = {"{": (re.compile(r"\{([^{}]+)\}"), "}"), "[": (re.compile(r"\[([^\[\]]+)\]"), "]")}
_KEY = re.compile(r"[A-Za-z_][\w-]*")


class CfgError(UserError):
    """An error in a cfg file; its text is ``path:line: message``."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """The location of a block or section in its file, and the lines of its keys."""

    path: str
    line: int
    header: str
    key_lines: Mapping[str, int] = field(default_factory=dict)

    def message(self, text: str, key: str | None = None) -> str:
        """``path:line: [block] text``, with the line of ``key`` if given."""
        line = self.key_lines.get(key, self.line) if key else self.line
        return f"{self.path}:{line}: {self.header} {text}"

    def error(self, text: str, key: str | None = None) -> CfgError:
        """The exception to raise for an error in this block."""
        return CfgError(self.message(text, key))


@dataclass(kw_only=True)
class Block:
    """``[name]`` and its options as text."""

    name: str
    path: str
    line: int
    entries: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def where(self) -> Where:
        return Where(
            path=self.path, line=self.line, header=f"[{shorten(self.name)}]", key_lines=self.lines
        )


@dataclass(kw_only=True)
class Section:
    """``{name}`` and its blocks."""

    name: str
    path: str
    line: int
    blocks: list[Block] = field(default_factory=list)

    @property
    def where(self) -> Where:
        return Where(path=self.path, line=self.line, header=f"{{{shorten(self.name)}}}")


def load(path: Path | str) -> str:
    """The text of a cfg file, with normalised line ends. Raises UserError if it cannot be read."""
    check_regular(Path(path))
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CfgError(f"{path}: cannot be read: {reason}") from error
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = _with_newlines(content.decode())
    except UnicodeDecodeError as error:
        before = _with_newlines(content[: error.start].decode())
        raise _not_text(path, before, error.reason) from None
    if "\0" in text:
        raise _not_text(path, text[: text.index("\0")], "a zero byte")
    return text


def _not_text(path: Path | str, before: str, reason: str) -> CfgError:
    return CfgError(f"{path}:{last_line(before)}: not a UTF-8 text file ({reason})")


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def last_line(text: str) -> int:
    """The number of the last line, from 1."""
    return text.count("\n") + 1


def parse(text: str, path: str) -> list[Section]:
    """Parse the text of a cfg file; ``path`` is for error messages. Raises CfgError."""
    sections: dict[str, Section] = {}
    section: Section | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        at = f"{path}:{number}:"
        if line[0] == "{":
            section = _add_section(
                sections, Section(name=_header(line, at), path=path, line=number), at
            )
        elif section is None:
            raise CfgError(
                f"{at} expected a section such as '{{General}}' before '{shorten(line)}'"
            )
        elif line[0] == "[":
            section.blocks.append(Block(name=_header(line, at), path=path, line=number))
        else:
            _add_entry(section, line, number, at)
    return list(sections.values())


def _header(line: str, at: str) -> str:
    pattern, closing = _HEADERS[line[0]]
    match = pattern.match(line)
    if match is None or not match[1].strip():
        raise CfgError(
            f"{at} expected a name and '{closing}' after '{line[0]}', not '{shorten(line)}'"
        )
    if match.end() != len(line):
        rest = shorten(line[match.end() :].strip())
        raise CfgError(f"{at} unexpected '{rest}' after '{shorten(match[0])}'")
    return " ".join(match[1].split())


def _add_section(sections: dict[str, Section], section: Section, at: str) -> Section:
    earlier = sections.setdefault(section.name, section)
    if earlier is not section:
        raise CfgError(
            f"{at} duplicate section '{{{shorten(section.name)}}}', first on line {earlier.line}"
        )
    return section


def _add_entry(section: Section, line: str, number: int, at: str) -> None:
    key, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise CfgError(
            f"{at} expected 'key=value', '[block]' or '{{section}}', not '{shorten(line)}'"
        )
    if not section.blocks:
        raise CfgError(
            f"{at} '{shorten(key)}' comes before the first [block] of '{{{shorten(section.name)}}}'"
        )
    block = section.blocks[-1]
    if key in block.entries:
        raise CfgError(
            f"{at} [{shorten(block.name)}] duplicate option '{shorten(key)}', "
            f"first on line {block.lines[key]}"
        )
    if not value:
        raise CfgError(f"{at} [{shorten(block.name)}] option '{shorten(key)}' has no value")
    block.entries[key] = value
    block.lines[key] = number
