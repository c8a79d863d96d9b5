"""Tables of text: for the page, as Markdown and as LaTeX."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from audetnet.console.text_table import text_table
from audetnet.evaluation.people import Estimate

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
_ABSENT = "-"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table. The first column names the rows; with ``has_mean`` the last row is a mean."""

    title: str
    caption: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    has_mean: bool = False


def markdown(sheet: Sheet) -> str:
    """Title, table and caption."""
    lines = [
        sheet.header,
        ["---", *("---:" for _ in sheet.header[1:])],
        *sheet.rows,
    ]
    table = "\n".join(f"| {' | '.join(_escape_markdown(cell) for cell in row)} |" for row in lines)
    return f"### {sheet.title}\n\n{table}\n\n{sheet.caption}\n"


def latex(sheet: Sheet) -> str:
    """A table environment for the booktabs package."""
    rows = [" & ".join(map(_escape_latex, row)) + r" \\" for row in sheet.rows]
    if sheet.has_mean:
        rows.insert(-1, r"\midrule")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escape_latex(f'{sheet.title}. {sheet.caption}')}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(sheet.header) - 1)}}}",
            r"\toprule",
            " & ".join(map(_escape_latex, sheet.header)) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def sheet_text(sheet: Sheet) -> str:
    """For the terminal, without the caption."""
    return f"{sheet.title}\n{text_table([sheet.header, *sheet.rows])}"


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; ``-`` if undefined."""
    return _ABSENT if value is None or isnan(value) else f"{value:.{digits}f}"


def with_interval(estimate: Estimate | None) -> str:
    """A number with its interval, if it has one."""
    if estimate is None:
        return _ABSENT
    if isnan(estimate.low):
        return number(estimate.value)
    return f"{number(estimate.value)} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _escape_markdown(cell: str) -> str:
    return cell.replace("|", r"\|")


def _escape_latex(text: str) -> str:
    escaped = re.sub(r"[\\~^&%$#_{}]", lambda found: _LATEX[found[0]], text)
    return escaped.replace("±", r"$\pm$")
