"""benchmarks/gpu.py as it runs on a CPU: every line gives a number or says why not."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import gpu
from gpu_bench import Bench, Row, cpu_bench, time_left
from gpu_lines import LINES, Line

QUICK = ["limits", "speed_64_no_image_critic", "pinned", "syncs"]
NEEDS_A_GPU = {"pinned", "cuda_graphs"}


def cells(output: str) -> list[list[str]]:
    """Of the rows of the table."""
    lines = [line for line in output.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table_of(*names: str, capture: pytest.CaptureFixture[str]) -> list[list[str]]:
    status = gpu.main(["--device", "cpu", "--in-process", "--only", *names])
    output = capture.readouterr().out
    assert status == 0, output
    assert output.startswith("CPU (") and ", torch " in output
    return cells(output)


def check(rows: list[list[str]], names: list[str]) -> None:
    assert list(dict.fromkeys(row[0] for row in rows)) == names
    for _, way, measured, *_, remarks in rows:
        assert (way and any(c.isdigit() for c in measured)) or (measured == "-" and remarks)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(QUICK, id="a line of each kind"),
        pytest.param(list(LINES), id="all", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_every_line_gives_a_number_or_says_why_not(
    names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table_of(*names, capture=capsys)
    check(rows, names)
    assert {row[0] for row in rows if row[2] == "-"} == NEEDS_A_GPU & set(names)
    assert all(" of " in row[4] for row in rows if row[0].startswith("speed"))


def test_the_lines_fit_into_nine_minutes() -> None:
    assert sum(line.seconds for line in LINES.values()) <= gpu.TOTAL < 9 * 60


def one(_: Bench) -> Iterator[Row]:
    yield Row(line="one", way="a | b", measured="1")


def failing(bench: Bench) -> Iterator[Row]:
    yield from one(bench)
    raise ValueError("first\nsecond | third")


def dying(bench: Bench) -> Iterator[Row]:
    yield from one(bench)
    os._exit(7)


def hanging(_: Bench) -> Iterator[Row]:
    time.sleep(600)
    yield from ()


def test_a_line_that_fails_says_so_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, run in (("limits", failing), ("data", one)):
        monkeypatch.setitem(LINES, name, Line(run, 1))
    assert gpu.main(["--device", "cpu", "--in-process", "--only", "limits", "data"]) == 1
    rows = cells(capsys.readouterr().out)
    assert [row[2] for row in rows] == ["1", "failed", "1"]
    assert rows[0][1] == "a / b" and rows[1][-1] == "ValueError: first second / third"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "seconds", "measured", "said"),
    [
        pytest.param(dying, 200, ["1", "failed"], "ended with status 7", id="a crash"),
        pytest.param(hanging, 1, ["failed"], "exceeded its 1 seconds", id="no answer in time"),
    ],
)
def test_a_process_that_goes_wrong_costs_its_own_line_only(
    run: Callable[[Bench], Iterator[Row]],
    seconds: float,
    measured: list[str],
    said: str,
    tmp_path: Path,
) -> None:
    bench = cpu_bench(tmp_path / "none.npy")
    rows = list(gpu.apart("name", Line(run, 1), bench, seconds))
    assert [row.measured for row in rows] == measured
    assert rows[-1].failed and said in rows[-1].remarks


def test_a_line_has_what_those_before_it_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []

    def noting(bench: Bench) -> Iterator[Row]:
        left.append(time_left(bench))
        yield from one(bench)

    for name in ("limits", "data"):
        monkeypatch.setitem(LINES, name, Line(noting, 100))
    list(gpu.rows(["limits", "data"], cpu_bench(Path("none.npy")), True))
    whole = [(gpu.TOTAL - 100) * gpu.ROUNDS_SHARE, gpu.TOTAL * gpu.ROUNDS_SHARE]
    assert left == pytest.approx(whole, abs=5)
