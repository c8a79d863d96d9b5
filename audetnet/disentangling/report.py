"""Writing the report: one page, numbers as JSON and CSV, figures as PNG and PDF."""

import base64
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from audetnet.console.text_table import text_table
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.table import Cell, NotMeasuredError, Row, Table
from audetnet.drawing import figure_bytes
from audetnet.evaluation.people import Estimate
from audetnet.files.atomic import write_bytes, write_text
from audetnet.files.csv import write_csv

_TEMPLATE = "report.html"
_ABSENT = "-"
_SMALLEST_P = 0.001
_INTERVAL = ("value", "low", "high", "p")
_ROW = ("key", "number", "title", "unit", "chance", "ideal", "definition", "headline")


@dataclass(frozen=True)
class Heading:
    """What was measured, and facts (name, value) shown above the tables."""

    title: str
    facts: tuple[tuple[str, str], ...]


def write_report(
    directory: Path, heading: Heading, table: Table, figures: list[Illustration]
) -> None:
    """Write report.html, results.json, rows.csv, factors.csv, figures/*.png and, for the first
    figure, summary.pdf. Raises UserError if a file cannot be written.
    """
    images = [figure_bytes(figure.figure, "png") for figure in figures]
    contents = {
        **{f"{stem}.png": image for stem, image in zip(_stems(figures), images, strict=True)},
        "summary.pdf": figure_bytes(figures[0].figure, "pdf"),
    }
    for name, content in contents.items():
        _write(directory / "figures" / name, content)
    write_text(directory / "results.json", json.dumps(_results(heading, table), indent=1) + "\n")
    write_csv(directory / "rows.csv", _row_lines(table))
    write_csv(directory / "factors.csv", _factor_lines(table))
    write_text(directory / "report.html", _page(heading, table, figures, images))


def _write(path: Path, content: bytes) -> None:
    write_bytes(path, lambda file: file.write(content))


def _stems(figures: Iterable[Illustration]) -> list[str]:
    """Stems of the figures' files; duplicate names are numbered."""
    names: list[str] = []
    for figure in figures:
        name, count = figure.name, 1
        while name.lower() in map(str.lower, names):
            count += 1
            name = f"{figure.name}_{count}"
        names.append(name)
    return names


def summary_text(table: Table) -> str:
    """The headline rows of all columns as text; intervals and p for the runs only."""
    names = [column.name for column in table.columns]
    lines = [["", *names, "ideal"]]
    for row in _headlines(table):
        cells = [
            _cell_text(table.cells[column.name].get(row.key)).line(in_full=column.is_run)
            for column in table.columns
        ]
        lines.append([f"{row.number} {row.title} ({row.unit})", *cells, row.ideal.split(":")[0]])
    return text_table(lines)


def reasons(table: Table) -> list[str]:
    """Why rows of the run were not measured, with each reason once."""
    cells = table.cells[table.columns[0].name]
    found: dict[str, list[str]] = {}
    for row in table.rows:
        cell = cells.get(row.key)
        if isinstance(cell, NotMeasuredError):
            found.setdefault(str(cell), []).append(str(row.number))
    return [f"row {', '.join(dict.fromkeys(rows))}: {reason}" for reason, rows in found.items()]


def _headlines(table: Table) -> list[Row]:
    """The headline rows that were measured in at least one column."""
    return [
        row
        for row in table.rows
        if row.headline
        and any(isinstance(cells.get(row.key), Estimate) for cells in table.cells.values())
    ]


@dataclass(frozen=True)
class _CellText:
    """The parts of a cell, empty if it has none."""

    value: str
    interval: str = ""
    p: str = ""

    def line(self, in_full: bool) -> str:
        parts = (self.value, self.interval, self.p) if in_full else (self.value,)
        return " ".join(filter(None, parts))


def _cell_text(cell: Cell | None) -> _CellText:
    if not isinstance(cell, Estimate) or math.isnan(cell.value):
        return _CellText(_ABSENT)
    interval = "" if math.isnan(cell.low) else f"[{cell.low:.3f}, {cell.high:.3f}]"
    p = "" if cell.p is None else f"p = {cell.p:.3f}" if cell.p >= _SMALLEST_P else "p < 0.001"
    return _CellText(f"{cell.value:.3f}", interval, p)


def _results(heading: Heading, table: Table) -> dict[str, Any]:
    """Everything as JSON-serialisable data; undefined numbers become None."""
    return {
        **dict(heading.facts),
        "columns": {column.name: column.definition for column in table.columns},
        "rows": [
            {
                **{part: getattr(row, part) for part in _ROW},
                "values": {
                    name: _plain(cells[row.key])
                    for name, cells in table.cells.items()
                    if row.key in cells
                },
            }
            for row in table.rows
        ],
        "factors": {
            name: [{**vars(factor), "estimate": _plain(factor.estimate)} for factor in factors]
            for name, factors in table.factors.items()
        },
        "notes": list(table.notes),
    }


def _plain(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, NotMeasuredError):
        return {"not_measured": str(cell)}
    return {name: _number(value) for name, value in vars(cell).items()}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _row_lines(table: Table) -> Iterable[list[Any]]:
    yield ["number", "key", "title", "unit", "chance", "ideal", "column", *_INTERVAL, "reason"]
    for row in table.rows:
        for name, cells in table.cells.items():
            if row.key in cells:
                values = _plain(cells[row.key])
                yield [
                    *(row.number, row.key, row.title, row.unit, row.chance, row.ideal, name),
                    *(values.get(part) for part in _INTERVAL),
                    values.get("not_measured"),
                ]


def _factor_lines(table: Table) -> Iterable[list[Any]]:
    yield ["factor", "group", "block", "measure", "column", *_INTERVAL[:3], "share"]
    for name, factors in table.factors.items():
        for factor in factors:
            values = _plain(factor.estimate)
            yield [
                *(factor.factor, factor.group, factor.block, factor.measure, name),
                *(values[part] for part in _INTERVAL[:3]),
                factor.share,
            ]


def _page(heading: Heading, table: Table, figures: list[Illustration], images: list[bytes]) -> str:
    template = files("audetnet.disentangling").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)

    def lines(rows: Iterable[Row]) -> list[dict[str, Any]]:
        return [
            {
                "row": row,
                "cells": [
                    _cell_text(table.cells[column.name].get(row.key)) for column in table.columns
                ],
            }
            for row in rows
        ]

    return environment.from_string(template).render(
        heading=heading,
        table=table,
        headlines=lines(_headlines(table)),
        all_rows=lines(table.rows),
        reasons=reasons(table),
        figures=[
            {"figure": figure, "image": base64.b64encode(image).decode()}
            for figure, image in zip(figures, images, strict=True)
        ],
    )
