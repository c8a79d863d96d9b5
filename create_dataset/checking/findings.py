"""What a check found."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
"""error: training would fail or mislead; warning: it would run, but beware; info: good to know."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_SHOWN_NAMES = 5
_SHOWN_PER_CODE = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing the user should know."""

    severity: Severity
    code: str
    """Short and stable, for programs."""
    message: str
    """One line: where, what, what to do."""
    count: int = 1
    """Number of frames, AUs, subjects ... concerned."""
    first: tuple[str, ...] = ()
    """The names of the first few; empty if the message says it all."""

    def line(self) -> str:
        names = ", ".join(self.first)
        more = f", ... ({self.count} in all)" if self.count > len(self.first) else ""
        about = f": {names}{more}" if names else ""
        return f"{self.severity}: {self.message}{about} [{self.code}]"

    def as_data(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "first": list(self.first)}


def finding(severity: Severity, code: str, message: str, names: Iterable[str]) -> Finding:
    """A finding about the frames, AUs or subjects with these names."""
    named = list(names)
    return Finding(
        severity=severity,
        code=code,
        message=message,
        count=len(named),
        first=tuple(named[:_SHOWN_NAMES]),
    )


def if_any(severity: Severity, code: str, message: str, names: Iterable[str]) -> Iterator[Finding]:
    """The same; nothing if there are no names."""
    found = finding(severity, code, message, names)
    if found.count:
        yield found


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings; findings with the same code together, in the order found."""
    found = list(findings)
    codes = list(dict.fromkeys(finding.code for finding in found))
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), codes.index(f.code)))


def lines(findings: list[Finding]) -> list[str]:
    """Findings sorted by severity as text, a line each; only the first few of each code."""
    shown = []
    for (severity, code), group in groupby(findings, lambda f: (f.severity, f.code)):
        texts = [finding.line() for finding in group]
        shown += texts[:_SHOWN_PER_CODE]
        if more := len(texts[_SHOWN_PER_CODE:]):
            shown.append(f"{severity}: {more} more [{code}]: see --json")
    return shown


def verdict(findings: list[Finding]) -> str:
    """The last line: how many errors and warnings there are, and what that means."""
    errors = sum(f.severity == "error" for f in findings)
    warnings = sum(f.severity == "warning" for f in findings)
    counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    return f"{counts}: training would fail or mislead" if errors else counts


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
