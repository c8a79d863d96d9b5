"""Figures of numbers, with the figure for a paper: what they hold, and that nothing is cut off."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from audetnet.disentangling import figures, paper_figure
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.figures import Illustration, Knowledge
from audetnet.disentangling.table import Cells, Column, NotMeasuredError, Row, Table
from audetnet.evaluation.people import Estimate

AUS = ("AU1", "AU2", "AU4", "AU12")
COLUMNS = ("run", "z2 permuted within person", "untrained encoder")


def is_whole(figure: Figure) -> bool:
    """Whether nothing of the figure, as it is drawn, reaches beyond its edge."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    return drawn.x0 > -0.01 and drawn.y0 > -0.01 and drawn.x1 < width + 0.01 and drawn.y1 < height


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of names, titles and numbers that are printed over each other (ticks apart)."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    ticks = {
        label
        for axes in figure.findobj(Axes)
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels()
    }
    boxes = [
        (text.get_text(), text.get_window_extent(renderer).padded(-1))
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible() and text not in ticks
    ]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def check(illustration: Illustration) -> None:
    """What holds for every figure: it explains itself and is whole."""
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", illustration.name)
    assert illustration.title
    assert illustration.caption.endswith(".")
    suptitle = illustration.figure.get_suptitle()
    assert " ".join(suptitle.split()) == illustration.title
    assert is_whole(illustration.figure)
    assert overlapping(illustration.figure) == []


def codes(people: int = 3, each: int = 14, z2: int = 5) -> Codes:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(people), each)
    labels = (rng.random((len(person), 4)) < (0.1, 0.3, 0.5, 0.0)).astype(float)
    labels[0, 1] = np.nan
    return Codes(
        ids=tuple(f"person{one}_frame{row}" for row, one in enumerate(person)),
        people=tuple(f"S{one:03}" for one in range(people)),
        person=person,
        labels=labels,
        z1=rng.normal(size=(len(person), 6)),
        z2=rng.normal(size=(len(person), z2)),
    )


def table(keys: tuple[str, ...], cell: Estimate | NotMeasuredError | None = None) -> Table:
    rows = tuple(
        Row(
            key=key,
            number=1,
            title=f"Title of {key}",
            unit="AUC",
            chance="0.5" if n % 2 else "the floor",
            ideal="1",
            definition="",
            in_summary=f"brief {key}",
            in_intervals=True,
        )
        for n, key in enumerate(keys)
    )
    columns = tuple(Column(name, "", "run") for name in COLUMNS)
    cells: dict[str, Cells] = {
        name: {key: cell or Estimate(value=0.7, low=0.6, high=0.8) for key in keys}
        for name in COLUMNS
    }
    return Table(rows=rows, columns=columns, cells=cells, factors={}, notes=())


def knowledge(aus: int, others: int = 4) -> tuple[Knowledge, ...]:
    return (
        *(Knowledge(factor=f"AU{n}", group="AUs", z1=0.8, z2=0.2) for n in range(aus)),
        Knowledge(factor="person", group="person", z1=0.2, z2=0.9, floor=0.15),
        *(
            Knowledge(
                factor=f"light_{n}", group="pose and light", z1=0.0, z2=float("nan"), floor=0.1
            )
            for n in range(others)
        ),
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_the_checks_see_text_that_is_cut_off_or_covered() -> None:
    figure = Figure(figsize=(4, 1))
    figure.text(0.1, 0.5, "first")
    assert is_whole(figure)
    figure.text(0.12, 0.5, "second")
    assert overlapping(figure) == [("first", "second")]
    figure.text(0.9, 0.1, "longer than the figure")
    assert not is_whole(figure)


def test_maps_have_a_row_a_block_and_a_column_for_the_person_and_each_frequent_au() -> None:
    made = figures.code_maps(codes(), AUS)
    check(made)
    assert len(made.figure.axes) == 2 * 4
    titles = [axes.get_title() for axes in made.figure.axes[:4]]
    shown = [title.split("coloured by ")[1].split()[0] for title in titles]
    assert shown == ["person", "AU4", "AU2", "AU1"]
    assert "t-SNE 1 (no unit)" in texts(made.figure)
    points = [sum(len(c.get_offsets()) for c in axes.collections) for axes in made.figure.axes]
    assert points == [42] * 8
    states = [text.get_text() for text in made.figure.axes[6].get_legend().get_texts()]
    assert states == ["unknown", "inactive", "active"]


def test_maps_of_a_code_without_z2_and_of_few_frames_of_one_person() -> None:
    made = figures.code_maps(codes(people=1, each=9, z2=0), AUS)
    check(made)
    assert all("PCA" in axes.get_xlabel() for axes in made.figure.axes)
    assert len(made.figure.axes) == len({axes.get_title() for axes in made.figure.axes})
    assert "no z2" in made.caption


def test_maps_of_many_people_show_a_scale_and_no_legend_of_names() -> None:
    made = figures.code_maps(codes(people=12, each=2), AUS)
    check(made)
    assert texts(made.figure).count("person (1 to 12)") == 2
    assert not [text for text in texts(made.figure) if text.startswith("S0")]


def test_maps_without_any_active_au_show_persons_only() -> None:
    known = codes()
    silent = Codes(**{**vars(known), "labels": np.zeros((len(known), 4))})
    made = figures.code_maps(silent, AUS)
    check(made)
    assert len(made.figure.axes) == 2


def test_maps_take_a_limited_number_of_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_FRAMES", 20)
    made = figures.code_maps(codes(), AUS)
    assert sum(len(c.get_offsets()) for c in made.figure.axes[0].collections) == 20


@pytest.mark.parametrize("z", [np.zeros((5, 3)), np.arange(40.0)[:, None], np.zeros((40, 0))])
def test_planes_of_codes_with_too_few_dimensions(z: np.ndarray) -> None:
    made = figures._plane(z)
    assert made.shape == (len(z), 2)
    assert np.isfinite(made).all()


def test_knowledge_shows_each_number_and_an_empty_cell_where_nothing_was_measured() -> None:
    made = figures.knowledge_map("runs/small 96", knowledge(20))
    check(made)
    axes, bar = made.figure.axes
    assert made.name == "knowledge_runs_small_96"
    assert bar.get_ylabel() == "share known (0 = chance, 1 = all)"
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert ticks == [one.factor for one in knowledge(20)]
    inside = [text.get_text() for text in axes.texts]
    assert [inside.count(text) for text in ("0.80", "0.95", "0.90", "0.15", "-")] == [
        *(20, 0, 1, 1),
        4 + 20,
    ]
    assert [text for text in inside if text in ("AUs", "person", "pose and light")] == [
        "AUs",
        "person",
        "pose and light",
    ]


def test_knowledge_without_floors_has_two_columns() -> None:
    made = figures.knowledge_map("x" * 90, (Knowledge(factor="AU1", group="AUs", z1=0.5, z2=-0.1),))
    assert is_whole(made.figure)
    assert [label.get_text() for label in made.figure.axes[0].get_xticklabels()] == ["z1", "z2"]


def test_intervals_have_a_panel_a_row_and_a_line_at_a_chance_that_is_a_number() -> None:
    made = figures.row_intervals(table(("a", "b", "c", "d")))
    check(made)
    panels = [axes for axes in made.figure.axes if axes.axison]
    assert [axes.get_title() for axes in panels] == [f"Title of {key}" for key in "abcd"]
    dashed = [[x for x in axes.lines if x.get_linestyle() == "--"] for axes in panels]
    assert [len(lines) for lines in dashed] == [0, 1, 0, 1]
    assert list(dashed[1][0].get_xdata()) == [0.5, 0.5]
    whiskers = [list(line.get_xdata()) for line in panels[0].lines]
    assert whiskers == [[0.6, 0.8], [0.7]] * 3
    assert [label.get_text() for label in panels[0].get_yticklabels()] == list(COLUMNS)


def test_intervals_are_of_the_rows_that_say_so() -> None:
    many = table(tuple(f"row{n}" for n in range(15)))
    made = figures.row_intervals(many)
    check(made)
    assert len([axes for axes in made.figure.axes if axes.axison]) == 15
    rows = tuple(replace(row, in_intervals=row.key == "row3") for row in many.rows)
    chosen = figures.row_intervals(replace(many, rows=rows))
    shown = [axes.get_title() for axes in chosen.figure.axes if axes.axison]
    assert shown == ["Title of row3"]


@pytest.mark.parametrize("cell", [NotMeasuredError("no people"), Estimate(value=float("nan"))])
def test_rows_that_were_not_measured_get_no_panel(cell: Estimate | NotMeasuredError) -> None:
    made = figures.row_intervals(table(("a",), cell))
    check(made)
    assert not [axes for axes in made.figure.axes if axes.axison]


def test_an_estimate_without_interval_is_a_dot_alone() -> None:
    made = figures.row_intervals(table(("a",), Estimate(value=0.7)))
    assert [list(line.get_xdata()) for line in made.figure.axes[0].lines] == [[0.7]] * 3


@pytest.mark.parametrize("pairs", [0, 1, 3, 6])
def test_the_summary_fits_a_paper(pairs: int) -> None:
    strips = np.zeros((pairs, 4, 3, 8, 8), dtype=np.uint8)
    known = table(tuple("abcdefgh"))
    made = paper_figure.summary("run", known, "run", knowledge(12), strips)
    check(made)
    assert list(made.figure.get_size_inches()) == [7, 5]
    assert min(text.get_fontsize() for text in made.figure.findobj(Text) if text.get_text()) >= 7
    assert len([axes for axes in made.figure.axes if axes.images]) == 4 * min(pairs, 4)
    shown = texts(made.figure)
    assert {row.in_summary for row in known.rows} <= set(shown)
    assert shown.count("0.70 [0.60, 0.80]") == len(known.rows)
    assert "AUs (mean of 12)" in shown


def test_the_summary_leaves_out_rows_that_are_not_of_it_or_were_not_measured() -> None:
    known = table(("measured", "unmeasured", "other"))
    rows = tuple(row if row.key != "other" else replace(row, in_summary=None) for row in known.rows)
    known = replace(known, rows=rows)
    known.cells["run"]["unmeasured"] = NotMeasuredError("one person")
    strips = np.zeros((2, 4, 3, 8, 6), dtype=np.uint8)
    made = paper_figure.summary("run", known, "run", knowledge(3), strips)
    check(made)
    assert [label.get_text() for label in made.figure.axes[1].get_yticklabels()] == [
        "brief measured"
    ]


def test_the_summary_says_where_numbers_and_pictures_are_of_two_columns() -> None:
    known, strips = table(("a",)), np.zeros((2, 4, 3, 8, 6), dtype=np.uint8)
    own, other = (
        paper_figure.summary("run", known, pictured, knowledge(3), strips)
        for pictured in ("run", "run, with reference")
    )
    check(other)
    assert "Note" not in own.caption
    assert other.caption.endswith(
        "Note: the numbers are those of the column 'run', without person references; the images "
        "are from 'run, with reference'."
    )


def test_condensing_averages_what_was_measured_of_the_largest_groups() -> None:
    nan = float("nan")
    factors = (
        *(
            Knowledge(factor=f"AU{n}", group="AUs", z1=n / 12, z2=nan if n else 0.4)
            for n in range(13)
        ),
        Knowledge(factor="yaw", group="pose and light", z1=nan, z2=0.5, floor=0.1),
    )
    first, second = paper_figure._condensed(factors)
    assert (first.factor, first.z1, first.z2, first.floor) == ("AUs (mean of 13)", 0.5, 0.4, None)
    assert second == factors[-1]
    assert paper_figure._condensed(factors[5:]) == factors[5:]
