"""The cfg language: text to sections, blocks and entries that know their line.

    {Section}            # a comment ends any line
    [block]
    key = value          # spaces around key, '=' and value do not count

Nothing here knows which sections, blocks or keys exist; see options.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audetnet.errors import UserError

_HEADERS = {"{": (re.compile(r"\{([^{}]+)\}"), "}"), "[": (re.compile(r"\[([^\[\]]+)\]"), "]")}
_KEY = re.compile(r"[A-Za-z_][\w-]*")


class CfgError(UserError):
    """A mistake in a cfg file; its text is ``path:line: message``."""


@dataclass(frozen=True)
class Where:
    """The place of a block or section in its file, and the lines of its keys."""

    path: str
    line: int
    header: str
    key_lines: Mapping[str, int] = field(default_factory=dict)

    def message(self, text: str, key: str | None = None) -> str:
        """``path:line: [block] text``, at the line of ``key`` where that is given."""
        line = self.key_lines.get(key, self.line) if key else self.line
        return f"{self.path}:{line}: {self.header} {text}"

    def error(self, text: str, key: str | None = None) -> CfgError:
        """The error to raise for a mistake in this block."""
        return CfgError(self.message(text, key))


@dataclass
class Block:
    """``[name]`` and the texts of its options."""

    name: str
    path: str
    line: int
    entries: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def where(self) -> Where:
        return Where(self.path, self.line, f"[{self.name}]", self.lines)


@dataclass
class Section:
    """``{name}`` and its blocks."""

    name: str
    path: str
    line: int
    blocks: list[Block] = field(default_factory=list)

    @property
    def where(self) -> Where:
        return Where(self.path, self.line, f"{{{self.name}}}")


def load(path: Path | str) -> str:
    """The text of a cfg file. Raises CfgError where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CfgError(f"{path}: not a text file in UTF-8 ({error.reason})") from error
    except OSError as error:
        raise CfgError(f"{path}: cannot be read: {error.strerror}") from error


def parse(text: str, path: str) -> list[Section]:
    """Parse the text of a cfg file; ``path`` is what error messages call it. Raises CfgError."""
    sections: list[Section] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        at = f"{path}:{number}:"
        if line[0] == "{":
            _add_section(sections, Section(_header(line, at), path, number), at)
        elif not sections:
            raise CfgError(f"{at} expected a section such as '{{General}}' before '{line}'")
        elif line[0] == "[":
            sections[-1].blocks.append(Block(_header(line, at), path, number))
        else:
            _add_entry(sections[-1], line, number, at)
    return sections


def _header(line: str, at: str) -> str:
    pattern, closing = _HEADERS[line[0]]
    match = pattern.match(line)
    if match is None or not match[1].strip():
        raise CfgError(f"{at} expected a name and '{closing}' after '{line[0]}', not '{line}'")
    if match.end() != len(line):
        raise CfgError(f"{at} unexpected '{line[match.end() :].strip()}' after '{match[0]}'")
    return " ".join(match[1].split())


def _add_section(sections: list[Section], section: Section, at: str) -> None:
    for earlier in sections:
        if earlier.name == section.name:
            raise CfgError(
                f"{at} duplicate section '{{{section.name}}}', first on line {earlier.line}"
            )
    sections.append(section)


def _add_entry(section: Section, line: str, number: int, at: str) -> None:
    key, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise CfgError(f"{at} expected 'key=value', '[block]' or '{{section}}', not '{line}'")
    if not section.blocks:
        raise CfgError(f"{at} '{key}' stands before any [block] of '{{{section.name}}}'")
    block = section.blocks[-1]
    if key in block.entries:
        raise CfgError(
            f"{at} [{block.name}] duplicate option '{key}', first on line {block.lines[key]}"
        )
    if not value:
        raise CfgError(f"{at} [{block.name}] option '{key}' has no value")
    block.entries[key] = value
    block.lines[key] = number
