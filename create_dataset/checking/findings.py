"""What a check has found."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
"""error: training would fail or mislead; warning: it would run, but beware; info: good to know."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_SHOWN_NAMES = 5
_SHOWN_OF_A_CODE = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact that somebody should know."""

    severity: Severity
    code: str
    """Short and stable, for programs."""
    message: str
    """One line: where, what, what to do."""
    count: int = 1
    """How many frames, AUs, subjects ... it is about."""
    first: tuple[str, ...] = ()
    """The first of them by name; empty where the message says it all."""

    def line(self) -> str:
        names = ", ".join(self.first)
        more = f", ... ({self.count} in all)" if self.count > len(self.first) else ""
        about = f": {names}{more}" if names else ""
        return f"{self.severity}: {self.message}{about} [{self.code}]"

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return {**asdict(self), "first": list(self.first)}


def finding(severity: Severity, code: str, message: str, names: Iterable[str]) -> Finding:
    """A finding about frames, AUs or subjects of these names."""
    named = list(names)
    return Finding(
        severity=severity,
        code=code,
        message=message,
        count=len(named),
        first=tuple(named[:_SHOWN_NAMES]),
    )


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings; findings of one code stay together, in the order found."""
    found = list(findings)
    codes = list(dict.fromkeys(finding.code for finding in found))
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), codes.index(f.code)))


def lines(findings: list[Finding]) -> list[str]:
    """For people: a line each; of many findings with the same code the first few."""
    shown = []
    for severity in SEVERITIES:
        for code in dict.fromkeys(f.code for f in findings if f.severity == severity):
            same = [f for f in findings if (f.severity, f.code) == (severity, code)]
            shown += [f.line() for f in same[:_SHOWN_OF_A_CODE]]
            if len(same) > _SHOWN_OF_A_CODE:
                shown.append(
                    f"{severity}: {len(same) - _SHOWN_OF_A_CODE} more [{code}]: see --json"
                )
    return shown


def verdict(findings: list[Finding]) -> str:
    """The last line: how many errors and warnings there are, and what that means."""
    errors = sum(f.severity == "error" for f in findings)
    warnings = sum(f.severity == "warning" for f in findings)
    counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    return f"{counts}: training would fail or mislead" if errors else counts


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
