"""``python test_disentangling.py`` as a user runs it: small trained runs on made faces."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from audetnet.commands import train as training
from audetnet.commands.disentangling import main
from audetnet.disentangling import figures, paper_figure, reference_classifier
from audetnet.disentangling.columns import ColumnData
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.measure import MEASURES, Measure, all_measures
from audetnet.disentangling.table import Findings, Row, Table
from audetnet.drawing import Figure
from audetnet.evaluation import people
from audetnet.evaluation.people import Estimate
from audetnet.faces import dlib_models
from audetnet.files.csv import read_csv

ROOT = Path(__file__).parents[2]
PEOPLE, FRAMES, AUS = 8, 24, 3
NO_DISCRIMINATOR = "no_discriminator"


def _draw(person: int, active: np.ndarray, numbers: np.random.Generator) -> Image.Image:
    """A person is a background, an AU a bright square in its place."""
    pixels = np.full((32, 32, 3), 60 + 15 * person, dtype=np.float64)
    for au, is_active in enumerate(active):
        if is_active:
            pixels[8 * au + 4 : 8 * au + 10, 10:22, au] = 250
    noisy = pixels + numbers.normal(0, 5, size=pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _make_data(directory: Path) -> Path:
    numbers = np.random.default_rng(0)
    (directory / "imgs").mkdir(parents=True)
    labels, factors, ids = (
        ["frame,AU1,AU2,AU4"],
        ["frame_id,subject,yaw"],
        {"train": [], "test": []},
    )
    for person in range(PEOPLE):
        for frame in range(FRAMES):
            active = numbers.random(AUS) < 0.4
            name = f"P{person}_{frame}"
            _draw(person, active, numbers).save(directory / "imgs" / f"{name}.png")
            labels.append(",".join([name, *(str(3 * int(a)) for a in active)]))
            factors.append(f"{name},P{person},{numbers.normal():.3f}")
            ids["train" if person < PEOPLE // 2 else "test"].append(name)
    (directory / "aus.csv").write_text("\n".join(labels))
    (directory / "factors.csv").write_text("\n".join(factors))
    for name, frames in ids.items():
        (directory / f"{name}_ids.csv").write_text("\n".join(frames))
    (directory / "dataset.json").write_text('{"kind": "intensity"}')
    return directory


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make_data(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two trained runs, with and without the Discriminator."""
    directory = tmp_path_factory.mktemp("runs")
    cfg = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in (
        ("max_epochs=4", "max_epochs=2"),
        ("output_features=12", f"output_features={AUS}"),
        ("au_names=AU1,AU2,AU4,AU5,AU6,AU9,AU12,AU15,AU17,AU20,AU25,AU26", "image_size=32"),
    ):
        cfg = cfg.replace(old, new)
    texts = {"with": cfg, NO_DISCRIMINATOR: cfg[: cfg.index("{Discriminator}")]}
    found = {}
    for name, text in texts.items():
        path = directory / f"{name}.cfg"
        path.write_text(text)
        found[name] = directory / name
        arguments = ["--cfg", str(path), "--data", str(data), "--run", str(found[name])]
        assert training.main([*arguments, "--device", "cpu"]) == 0
    return found


@pytest.fixture(scope="module")
def measure(data: Path) -> Iterator[Callable[..., int]]:
    """Runs the command in this process, with a barely trained classifier and few draws."""

    def run(*arguments: object, dataset: Path = data) -> int:
        return main(["--data", str(dataset), "--device", "cpu", *map(str, arguments)])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reference_classifier, "_EPOCHS", 1)
        patched.setattr(dlib_models, "find_spec", lambda _: None)  # the own classifier is fast
        patched.setattr(people, "DRAWS", 50)
        yield run


@pytest.fixture(scope="module")
def compared(runs: dict[str, Path], measure: Callable[..., int]) -> tuple[dict[str, Any], str]:
    """The results of a run and of one to compare, and what was printed."""
    printed = StringIO()
    with redirect_stdout(printed):
        assert measure(runs["with"], "--compare", runs[NO_DISCRIMINATOR]) == 0
    results = (runs["with"] / "disentangling" / "results.json").read_text()
    return json.loads(results), printed.getvalue()


def test_the_report_of_a_run_and_one_to_compare(
    runs: dict[str, Path], compared: tuple[dict[str, Any], str]
) -> None:
    results, printed = compared
    out = runs["with"] / "disentangling"
    assert list(results["columns"]) == [
        "with",
        NO_DISCRIMINATOR,
        "z2 permuted",
        "z2 perm. in person",
        "person median subtracted",
        "z2 erased (LEACE)",
        "untrained",
        "own AU outputs",
        "true AU labels",
    ]
    rows = {row["key"]: row["values"] for row in results["rows"]}
    assert {row["number"] for row in results["rows"]} == set(range(1, 11))
    reasons = {
        key: values["with"]["not_measured"]
        for key, values in rows.items()
        if "not_measured" in values["with"]
    }
    assert all("100 training frames" in reason for reason in reasons.values())
    assert {key.split("_")[0] for key in reasons} == {"nce"}
    for key, values in rows.items():
        assert values.keys() >= {"with", NO_DISCRIMINATOR}, key
    assert rows["identity_z1"]["true AU labels"]["value"] is not None
    assert rows["au_z2_linear_auc"]["z2 permuted"]["value"] is not None
    assert results["test sample"] == "96 frames of 4 people"
    assert results["same expression (row 10)"].endswith(
        "several people, by equal labels of all AUs"
    )
    of_row_10 = rows["same_expression_icc"]
    assert of_row_10.keys() == {"with", NO_DISCRIMINATOR, "person median subtracted", "untrained"}
    assert all(cell["low"] <= cell["value"] <= cell["high"] for cell in of_row_10.values())
    by_au = {k["factor"] for k in results["factors"]["with"] if k["group"] == "same expression"}
    assert by_au == {"AU1", "AU2", "AU4"}
    assert "own, trained on the training people" in results["identity judge (row 8)"]
    assert "own, trained on the training people" in (out / "report.html").read_text()
    assert "1 AUs in z1, linear probe (macro ROC-AUC)" in printed
    assert "not measured: row 7: the InfoNCE critic needs at least 100 training frames" in printed
    assert str(out / "report.html") in printed
    pictures = {path.name for path in (out / "figures").iterdir()}
    assert pictures == {
        "summary_with.png",
        "summary.pdf",
        "knowledge_with.png",
        f"knowledge_{NO_DISCRIMINATOR}.png",
        "intervals.png",
        "code_maps.png",
        "au_walks.png",
        "exchange.png",
        "shuffled.png",
        "same_expression.png",
    }


def _share(data: ColumnData) -> Findings:
    return Findings(
        {"made_up": Estimate(value=float((data.test.labels == 1).mean()), low=0.1, high=0.9)}
    )


def _bar(data: ColumnData, table: Table) -> list[Illustration]:
    figure = Figure(figsize=(2, 2))
    cell = table.cells[data.column.name]["made_up"]
    assert isinstance(cell, Estimate)
    figure.subplots().bar(["a"], [cell.value])
    return [
        Illustration(
            name="made_up_bar", title="A made-up figure", caption="Good: high.", figure=figure
        )
    ]


def test_a_measure_brings_its_row_and_its_figure_with_it(
    runs: dict[str, Path],
    measure: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One that nothing else knows of, and no other: the report has none by name."""
    all_measures()
    for name in list(MEASURES):
        monkeypatch.delitem(MEASURES, name)
    row = Row(
        key="made_up",
        number=10,
        title="active AUs",
        unit="share",
        chance="0",
        ideal="1",
        definition="a mean.",
        headline=True,
        in_summary="share of AUs",
        in_intervals=True,
    )
    of_runs = Measure(rows=(row,), of=("run", "untrained"), compute=_share, draw=_bar)
    monkeypatch.setitem(MEASURES, "made up", of_runs)
    drawn = []
    for module in (figures, paper_figure):
        monkeypatch.setattr(
            module, "draw_interval", lambda _, y, cell, colour: drawn.append(cell.value)
        )
    assert measure(runs["with"], "--out", tmp_path) == 0
    (found,) = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert found["key"] == "made_up" and found["values"].keys() == {"with", "untrained"}
    value = found["values"]["with"]["value"]
    header, *lines = read_csv(tmp_path / "rows.csv")
    assert [(line[header.index("column")], line[header.index("value")]) for line in lines] == [
        ("with", str(value)),
        ("untrained", str(value)),
    ]
    page = (tmp_path / "report.html").read_text()
    for text in ("10 active AUs (share)", "a mean.", "A made-up figure", "Good: high."):
        assert text in page, text
    image = (tmp_path / "figures" / "made_up_bar.png").read_bytes()
    assert base64.b64encode(image).decode() in page
    assert drawn == [value] * 3, "in the summary, and of two columns in the intervals"
    assert "10 active AUs (share)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_checkpoint_gives_the_same_numbers_beside_the_runs(
    runs: dict[str, Path], measure: Callable[..., int], compared: tuple[dict[str, Any], str]
) -> None:
    """The same checkpoint, twice, once by its own name: the same values, bit for bit."""
    copy = runs["with"] / "checkpoints" / "epoch_0002.pt"
    shutil.copy(runs["with"] / "checkpoints" / "latest.pt", copy)
    assert measure(copy) == 0
    found = json.loads((runs["with"] / "disentangling-epoch_0002" / "results.json").read_text())
    first, second = (
        {row["key"]: row["values"]["with"] for row in results["rows"]}
        for results in (compared[0], found)
    )
    assert first == second


@pytest.mark.slow
def test_named_factors(
    runs: dict[str, Path], measure: Callable[..., int], tmp_path: Path, data: Path
) -> None:
    (data / "light.csv").write_text(
        "frame,lamp,note\n"
        + "\n".join(f"P{p}_{f},{f % 5},x" for p in range(PEOPLE) for f in range(FRAMES))
    )
    flags = ("--factors", "light.csv", "--factor-columns", "lamp", "--frames", 48)
    assert measure(runs["with"], *flags, "--out", tmp_path) == 0
    found = json.loads((tmp_path / "results.json").read_text())["factors"]["with"]
    names = {known["factor"] for known in found if known["group"] == "factors"}
    assert names == {"lamp"}


@pytest.mark.slow
def test_data_without_subjects(
    runs: dict[str, Path], measure: Callable[..., int], tmp_path: Path, data: Path
) -> None:
    """Rows that need people say so; the others are there, without intervals."""
    alone = tmp_path / "alone"
    shutil.copytree(data, alone)
    (alone / "dataset.json").write_text('{"kind": "intensity", "subject_pattern": ".+"}')
    assert measure(runs["with"], "--out", tmp_path / "out", dataset=alone) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = {row["key"]: row["values"]["with"] for row in results["rows"] if row["values"]}
    for key in ("au_z1_linear_auc", "identity_z2", "redundancy_z2_z1_pooled", "exchange_au"):
        assert "name the subjects in dataset.json" in rows[key]["not_measured"], key
    assert rows["dcor_pooled"]["value"] is not None


@pytest.mark.slow
def test_one_person(
    runs: dict[str, Path], measure: Callable[..., int], tmp_path: Path, data: Path
) -> None:
    one = tmp_path / "one"
    shutil.copytree(data, one)
    (one / "test_ids.csv").write_text("\n".join(f"P7_{frame}" for frame in range(FRAMES)))
    assert measure(runs["with"], "--out", tmp_path / "out", dataset=one) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = {row["key"]: row["values"]["with"] for row in results["rows"] if row["values"]}
    assert "at least 3 people, these are of 1" in rows["au_z1_linear_auc"]["not_measured"]
    assert rows["dcor_within"]["value"] is not None and rows["dcor_within"]["low"] is None
    assert any("trained on other frames" in note for note in results["notes"])


def test_minimal_dataset(
    measure: Callable[..., int], tmp_path: Path, minimal_data: Path, edited_cfg: Callable[..., Path]
) -> None:
    """12 frames: every row says why it has no number, and the pictures are there."""
    run, cfg = tmp_path / "run", edited_cfg(("max_epochs=4", "max_epochs=1"))
    flags = ["--data", str(minimal_data), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    assert training.main(["--cfg", str(cfg), "--run", str(run), *flags]) == 0
    assert measure(run, "--cache", tmp_path / "cache", dataset=minimal_data) == 0
    assert (run / "disentangling" / "figures" / "exchange.png").is_file()


def _mistake(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "nowhere: no such file; expected a run directory of train.py"),
        (["{data}"], "latest.pt: no such file"),
        (["{data}/aus.csv"], "aus.csv: not a checkpoint of AUDetNet"),
        (["{run}", "--compare", "{run}"], "--compare names a run twice"),
        (["{run}", "--device", "tpu"], "--device tpu: expected auto, cpu, cuda"),
        (["{run}", "--factors", "no.csv"], "no.csv: cannot be read"),
        (["{run}", "--factor-columns", "yaws"], "no column 'yaws'; did you mean 'yaw'?"),
        (["{run}", "--factor-columns", "subject"], "factors.csv:2: 'P0_0' has 'P0'"),
        (["{run}", "--test-ids", "no.csv"], "no.csv"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    line: str,
    runs: dict[str, Path],
    data: Path,
    measure: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [text.format(run=runs["with"], data=data) for text in arguments]
    assert measure(*filled) == 2
    assert line in _mistake(capsys)


def test_other_aus_are_refused(
    runs: dict[str, Path],
    measure: Callable[..., int],
    tmp_path: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = tmp_path / "other"
    shutil.copytree(data, other)
    table = (other / "aus.csv").read_text()
    (other / "aus.csv").write_text(table.replace("AU4", "AU12", 1))
    assert measure(runs["with"], dataset=other) == 2
    line = _mistake(capsys)
    assert "AU1, AU2, AU12" in line and "AU1, AU2, AU4" in line


def test_help_comes_without_torch() -> None:
    command = [sys.executable, "-X", "importtime", "test_disentangling.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--compare" in done.stdout and "runs/discriminator" in done.stdout
    assert "| torch" not in done.stderr and "matplotlib" not in done.stderr
