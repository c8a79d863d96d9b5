"""The report's files: every number in each of them, one page that needs nothing else."""

import base64
import csv
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.report import Heading, reasons, summary_text, write_report
from audetnet.disentangling.table import Column, FactorEstimate, NotMeasuredError, Row, Table
from audetnet.evaluation.people import Estimate
from audetnet.files.csv import read_csv

HEADING = Heading("What z1 and z2 know: <run>", (("run", "runs/a & b"), ("seed", "0")))
NAN = float("nan")


def _row(key: str, number: int, headline: bool) -> Row:
    return Row(
        key=key,
        number=number,
        title=f"title of {key}",
        unit="AUC",
        chance="0.5",
        ideal="high",
        definition=f"how <{key}>",
        headline=headline,
    )


@pytest.fixture
def table() -> Table:
    columns = (Column("the run", "made", "run"), Column("null", "made", "permuted"))
    cells = {
        "the run": {
            "a": Estimate(value=0.7512, low=0.7, high=0.8, p=0.005),
            "b": NotMeasuredError("needs 3 people"),
            "c": Estimate(value=NAN),
        },
        "null": {"a": Estimate(value=0.5, low=0.4, high=0.6, p=0.9)},
    }
    known = {
        "the run": (
            FactorEstimate(
                factor='=AU1, "inner"',
                group="AUs",
                block="z1",
                measure="AUC",
                estimate=Estimate(value=0.8, low=0.7, high=0.9),
                share=0.6,
            ),
        )
    }
    rows = (_row("a", 1, True), _row("b", 2, True), _row("c", 3, False))
    return Table(
        rows=rows, columns=columns, cells=cells, factors=known, notes=("beware of <this>",)
    )


@pytest.fixture
def written(tmp_path: Path, table: Table) -> Path:
    figures = []
    for name in ("summary_run", "maps"):
        figure = Figure(figsize=(2, 2))
        figure.suptitle(name)
        figures.append(
            Illustration(name=name, title=f"title {name}", caption=f"caption {name}", figure=figure)
        )
    write_report(tmp_path / "out", HEADING, table, figures)
    return tmp_path / "out"


def test_all_files_are_there(written: Path) -> None:
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert names == {
        "report.html",
        "results.json",
        "rows.csv",
        "factors.csv",
        "figures/summary_run.png",
        "figures/maps.png",
        "figures/summary.pdf",
    }
    assert (written / "figures" / "maps.png").read_bytes().startswith(b"\x89PNG")
    assert (written / "figures" / "summary.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["summary", "knowledge_", "knowledge_"], ["summary", "knowledge_", "knowledge__2"]),
        (["a", "A", "a_2"], ["a", "A_2", "a_2_2"]),
    ],
    ids=["two names that files cannot spell", "disks that ignore case"],
)
def test_figures_of_one_name_are_told_apart(
    tmp_path: Path, table: Table, names: list[str], stems: list[str]
) -> None:
    sizes = range(1, 1 + len(names))
    figures = [
        Illustration(name=name, title="title", caption="caption.", figure=Figure(figsize=(size, 1)))
        for name, size in zip(names, sizes, strict=True)
    ]
    write_report(tmp_path, HEADING, table, figures)
    images = [(tmp_path / "figures" / f"{stem}.png").read_bytes() for stem in stems]
    assert len(set(images)) == len(names)
    page = (tmp_path / "report.html").read_text()
    assert all(base64.b64encode(image).decode() in page for image in images)


def test_json_holds_every_number_and_reason(written: Path) -> None:
    found = json.loads((written / "results.json").read_text())
    assert found["run"] == "runs/a & b" and found["notes"] == ["beware of <this>"]
    rows = {row["key"]: row for row in found["rows"]}
    assert rows["a"]["values"]["the run"] == {"value": 0.7512, "low": 0.7, "high": 0.8, "p": 0.005}
    assert rows["a"]["definition"] == "how <a>"
    assert rows["b"]["values"] == {"the run": {"not_measured": "needs 3 people"}}
    assert rows["c"]["values"]["the run"]["value"] is None
    assert found["factors"]["the run"][0]["share"] == 0.6
    assert found["columns"].keys() == {"the run", "null"}


def test_csv_holds_the_same(written: Path) -> None:
    with (written / "rows.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["key"], line["column"], line["value"]) for line in lines] == [
        ("a", "the run", "0.7512"),
        ("a", "null", "0.5"),
        ("b", "the run", ""),
        ("c", "the run", ""),
    ]
    assert lines[0]["p"] == "0.005" and lines[2]["reason"] == "needs 3 people"
    header, cells = read_csv(written / "factors.csv")
    line = dict(zip(header, cells, strict=True))
    assert line["factor"] == '=AU1, "inner"' and line["value"] == "0.8" and line["share"] == "0.6"
    assert '"\'=AU1, ""inner""",' in (written / "factors.csv").read_text(), "no formula"


class _Page(HTMLParser):
    """Text and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_needs_nothing_else_and_is_escaped(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = _Page(text)
    assert len(page.addresses) == 2
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not re.search(r"https?://|@import|url\(", text)
    shown = " ".join(" ".join(page.texts).split())
    for expected in (
        "What z1 and z2 know: <run>",
        "0.751 [0.700, 0.800] p = 0.005",
        "row 2: needs 3 people",
        "beware of <this>",
        "how <c>",
        "caption maps",
        "runs/a & b",
    ):
        assert expected in shown, expected


def test_the_summary_shows_headlines_that_were_measured(table: Table) -> None:
    header, *lines = summary_text(table).splitlines()
    assert header.split() == ["the", "run", "null", "ideal"]
    assert len(lines) == 1
    assert lines[0].startswith("1 title of a (AUC)")
    assert "0.751 [0.700, 0.800] p = 0.005" in lines[0]
    assert "0.500 " in lines[0] and "[0.400" not in lines[0]


def test_reasons_are_given_once(table: Table) -> None:
    assert reasons(table) == ["row 2: needs 3 people"]
    assert math.isnan(table.cells["the run"]["c"].value)  # type: ignore[union-attr]
