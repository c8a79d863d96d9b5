"""Tables as Markdown, LaTeX and text."""

from audetnet.evaluation.people import Estimate
from audetnet.results.sheet import Sheet, latex, markdown, number, sheet_text, with_interval

SHEET = Sheet(
    title="F1 & co",
    caption="95 % of a_b",
    header=("AU", "mean"),
    rows=[["AU|1", "0.5 ± 0.1"], ["mean", "0.500"]],
    has_mean=True,
)


def test_markdown() -> None:
    assert markdown(SHEET).splitlines() == [
        "### F1 & co",
        "",
        "| AU | mean |",
        "| --- | ---: |",
        r"| AU\|1 | 0.5 ± 0.1 |",
        "| mean | 0.500 |",
        "",
        "95 % of a_b",
    ]


def test_latex() -> None:
    lines = latex(SHEET).splitlines()
    assert r"\caption{F1 \& co. 95 \% of a\_b}" in lines
    assert r"\begin{tabular}{lr}" in lines
    place = lines.index(r"AU|1 & 0.5 $\pm$ 0.1 \\")
    assert lines[place + 1 : place + 3] == [r"\midrule", r"mean & 0.500 \\"]


def test_text() -> None:
    assert sheet_text(SHEET).splitlines()[:2] == ["F1 & co", "AU         mean"]


def test_what_is_undefined_is_a_dash() -> None:
    assert [number(None), number(float("nan")), number(0.12345)] == ["-", "-", "0.123"]
    assert with_interval(None) == with_interval(Estimate(value=float("nan"))) == "-"
    assert with_interval(Estimate(value=0.5)) == "0.500"
    assert with_interval(Estimate(value=0.5, low=0.25, high=1)) == "0.500 [0.250, 1.000]"
