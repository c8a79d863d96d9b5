"""Writes the results of a cross-validation: numbers, tables and a page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audetnet.files.atomic import write_text
from audetnet.files.csv import Cell, write_csv
from audetnet.results import figures
from audetnet.results.comparison import verdict
from audetnet.results.cross_sheets import Report, au_sheets, main_sheets, worst_sheets
from audetnet.results.estimates import active_frames, worst_person
from audetnet.results.folds import CrossValidation
from audetnet.results.page import Page, write_page
from audetnet.results.plain import plain_estimate, plain_number, plain_worst
from audetnet.results.sheet import latex, markdown


def write_cross_validation(directory: Path, report: Report) -> None:
    """Write results.json, results.csv, tables.md, tables.tex and report.html. Raises FileError."""
    first, by_au, worst = main_sheets(report), au_sheets(report), worst_sheets(report.own)
    write_text(directory / "results.json", json.dumps(_plain(report), indent=1) + "\n")
    write_csv(directory / "results.csv", _lines(report))
    write_text(directory / "tables.md", "\n".join(map(markdown, [*first, *by_au, *worst])))
    write_text(directory / "tables.tex", "\n".join(map(latex, [*first, *by_au])))
    own = report.own
    shared = [m for m in ("icc", "f1", "2afc") if all(m in each.table for each in report.methods)]
    pooled = {each.name: each.pooled for each in report.methods}
    page = Page(
        title=f"Cross-validation: {own.name}",
        facts=report.facts,
        notes=report.notes,
        first=first,
        figures=[
            *(figures.bars(pooled, own.pools[0].aus, metric) for metric in shared),
            *figures.all_figures(own.pools, own.name),
        ],
        further=[*by_au, *worst],
    )
    write_page(directory / "report.html", page)


def _plain(report: Report) -> dict[str, Any]:
    return {
        **report.facts,
        "notes": list(report.notes),
        "active_frames": active_frames(report.own.pools[0]),
        "methods": {each.name: _plain_method(each) for each in report.methods},
        "worst_person": plain_worst(worst_person(report.own.pools)),
        "differences": {
            other: {
                metric: {
                    au: {**plain_estimate(each), "p": each.p, "says": verdict(metric, each)}
                    for au, each in by_au.items()
                }
                for metric, by_au in found.items()
            }
            for other, found in report.differences.items()
        },
        "published": [vars(each) for each in report.published],
    }


def _plain_method(method: CrossValidation) -> dict[str, Any]:
    return {
        metric: {
            au: {
                "seeds": {
                    str(seed): {
                        fold: plain_number(value)
                        for fold, value in zip(method.folds, row, strict=True)
                    }
                    for seed, row in zip(method.seeds, line.cells.tolist(), strict=True)
                },
                "mean": plain_number(line.mean),
                "sd": plain_number(line.deviation),
                "sd_seeds": plain_number(line.seed_deviation),
                "pooled": plain_estimate(line.pooled),
            }
            for au, line in by_au.items()
        }
        for metric, by_au in method.table.items()
    }


def _lines(report: Report) -> Iterator[list[Cell]]:
    folds = [f"fold_{fold}" for fold in report.own.folds]
    ends = ["mean", "sd", "sd_seeds", "pooled", "low", "high"]
    yield ["method", "metric", "au", *folds, *ends]
    for method in report.methods:
        for metric, by_au in method.table.items():
            for au, line in by_au.items():
                numbers = (*line.folds, line.mean, line.deviation, line.seed_deviation)
                cells = map(plain_number, map(float, numbers))
                yield [method.name, metric, au, *cells, *plain_estimate(line.pooled).values()]
