"""The balanced list is what training draws; the table counts what was drawn; figures are drawn."""

import csv
import json
import pickle
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from audetnet.commands.train import main as train
from audetnet.config.language import CfgError
from audetnet.config.reader import read_config
from audetnet.data import cache, frames
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.order import order_notes
from audetnet.errors import UserError
from audetnet.training import trainer
from audetnet.vocabulary import VOCABULARY
from create_dataset.balance import draw, main
from create_dataset.balancing import figures
from create_dataset.balancing.table import Balance
from tests.conftest import ROOT

NAN = float("nan")
PICTURES = {"class_shares", "draws_per_frame", "cooccurrence", "subjects", "intensities"}
Order = npt.NDArray[np.int64]


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset of two people to train on (A) and test on (B); no image is ever opened."""

    def write(rows: Sequence[Sequence[float]], **metadata: Any) -> Path:
        root = tmp_path / "data"
        (root / "imgs").mkdir(parents=True)
        ids = [f"A_{row}" for row in range(len(rows))]
        table = {
            frame: np.array(row) for frame, row in zip([*ids, "B_0"], [*rows, rows[0]], strict=True)
        }
        for frame in table:
            (root / "imgs" / f"{frame}.jpg").touch()
        (root / "aus.pkl").write_bytes(pickle.dumps(table))
        (root / "train_ids.csv").write_text("\n".join(ids))
        (root / "test_ids.csv").write_text("B_0")
        names = [f"AU{column + 1}" for column in range(len(rows[0]))]
        (root / "dataset.json").write_text(json.dumps({"aus": names, **metadata}))
        return root

    return write


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of numbers: figures take seconds."""
    monkeypatch.setattr(figures, "balance_figures", lambda *_: {})


def listed(directory: Path) -> list[str]:
    return (directory / "balanced_train_ids.csv").read_text().split()


def classes(directory: Path) -> dict[str, dict[str, str]]:
    """before_after.csv by class."""
    with (directory / "before_after.csv").open() as file:
        return {row["class"]: row for row in csv.DictReader(file)}


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("people", [False, True], ids=["classes", "people"])
def test_the_list_is_what_training_draws(
    people: bool,
    tmp_path: Path,
    minimal_data: Path,
    edited_cfg: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """train.py with MOMU, its epochs as it hands them to the batches; another seed differs."""
    orders: list[Order] = []

    def record(order: Order, batch_size: int, processes: int) -> list[Order]:
        orders.append(order)
        return original(order, batch_size, processes)

    original = trainer.training_batch_indices
    monkeypatch.setattr(trainer, "training_batch_indices", record)
    cfg = edited_cfg(
        ("max_epochs=4", "max_epochs=3"),
        ("epoch_size=32", f"balance_subjects={people}\nepoch_size=16"),
    )
    common = ["--cfg", str(cfg), "--data", str(minimal_data), "--run", str(tmp_path / "run")]
    assert train([*common, "--cache", str(tmp_path / "cache"), "--seed", "5"]) == 0
    assert [len(order) for order in orders] == [16, 16, 16]
    ids = (minimal_data / "train_ids.csv").read_text().split()
    sizes = ["--epochs", "3", "--epoch-size", "16", "--sampling-size", "2"]
    sizes += ["--balance-subjects"] if people else []
    for seed in ("5", "6"):
        out = tmp_path / seed
        assert main([str(minimal_data), *sizes, "--seed", seed, "--out", str(out)]) == 0
        same = listed(out) == [ids[index] for index in np.concatenate(orders)]
        assert same is (seed == "5")


@pytest.mark.usefixtures("without_figures")
def test_the_list_can_be_trained_on(
    tmp_path: Path, minimal_data: Path, edited_cfg: Callable[..., Path]
) -> None:
    out = tmp_path / "balance"
    assert main([str(minimal_data), "--sampling-size", "2", "--out", str(out)]) == 0
    cfg = edited_cfg(
        ("max_epochs=4", "max_epochs=1"),
        ("balance_dataset_with_momu=True", "balance_dataset_with_momu=False"),
    )
    flags = ["--train-ids", str(out / "balanced_train_ids.csv"), "--run", str(tmp_path / "run")]
    data = ["--cfg", str(cfg), "--data", str(minimal_data), "--cache", str(tmp_path / "cache")]
    assert train([*data, *flags]) == 0


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("out", [None, "lists here", "data/balance"], ids=str)
@pytest.mark.parametrize("fold", [None, "1"])
def test_the_command_it_prints_works_as_typed(
    dataset: Callable[..., Path],
    out: str | None,
    fold: str | None,
    tmp_path: Path,
    edited_cfg: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the same directory; only the cfg is to be filled in."""
    root = dataset([[1, 0], [0, 1], [0, 0], [1, 1]], kind="occurrence")
    for path in (root / "imgs").iterdir():
        Image.new("RGB", (64, 64)).save(path)
    if fold is not None:
        (root / "folds" / fold).mkdir(parents=True)
        for path in root.glob("*_ids.csv"):
            path.rename(root / "folds" / fold / path.name)
    monkeypatch.chdir(tmp_path)
    flags = ([] if out is None else ["--out", out]) + ([] if fold is None else ["--fold", fold])
    assert main(["data", "--sampling-size", "1", *flags]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next: ")]
    command = shlex.split(line.removeprefix("next: "), comments=True)
    assert command[:2] == ["python", "train.py"]
    loaded: list[tuple[str, ...]] = []

    def load(*arguments: Any) -> Any:
        loaded.append(load_dataset(*arguments).train.ids)
        raise UserError("that is enough")

    monkeypatch.setattr(frames, "load_dataset", load)
    cfg = str(edited_cfg(("balance_dataset_with_momu=True", "balance_dataset_with_momu=False")))
    assert train([cfg if word == "FILE.cfg" else word for word in command[2:]]) == 2
    assert "that is enough" in capsys.readouterr().err
    written = next(tmp_path.rglob("balanced_train_ids.csv"))
    assert loaded == [tuple(written.read_text().split())]


@pytest.mark.usefixtures("without_figures")
def test_fewer_draws_than_classes_are_said(
    dataset: Callable[..., Path],
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By balance, and by train.py for its cfg's epochs."""
    root = dataset([[1, 0], [0, 1], [0, 0], [0, 0]], kind="occurrence")
    assert main([str(root), "--sampling-size", "4", "--epochs", "3"]) == 0
    assert "4 / 4 = 1, for 3 classes" in capsys.readouterr().err
    assert main([str(root), "--sampling-size", "1"]) == 0
    assert "too few draws" not in capsys.readouterr().err
    config = read_config(ROOT / "cfg" / "minimal.cfg", VOCABULARY)
    loaded = load_dataset(DatasetPaths(directory=root), regress=False)
    loaded = replace(loaded, active_from=0.5)
    for size, notes in ((32, 1), (2, 0)):
        data = replace(config.data, sampling_size=size)
        assert len(order_notes(replace(config, data=data), loaded)) == notes
    plain = replace(config.data, balance_dataset_with_momu=False, sampling_size=32)
    assert order_notes(replace(config, data=plain), loaded) == []

    def stop(images: dict[str, Path]) -> str:
        raise UserError("that is enough")

    monkeypatch.setattr(cache, "content_digest", stop)
    cfg = edited_cfg(("sampling_size=2", "sampling_size=32"))
    assert train(["--cfg", str(cfg), "--data", str(minimal_data)]) == 2
    assert "32 / 32 = 1, for 1" in capsys.readouterr().err


def test_people_who_are_not_known_cannot_be_drawn_evenly(
    dataset: Callable[..., Path],
    edited_cfg: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By balance at its flag, by train.py at the cfg's line."""
    root = dataset([[1, 0], [0, 1], [0, 0], [0, 0]], kind="occurrence")
    described = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps({**described, "subject_pattern": ".*"}))
    assert main([str(root), "--sampling-size", "1", "--balance-subjects"]) == 2
    config = read_config(edited_cfg(("epoch_size", "balance_subjects=1\nepoch_size")), VOCABULARY)
    with pytest.raises(CfgError) as caught:
        order_notes(config, load_dataset(DatasetPaths(directory=root), regress=False))
    for line, place in ((capsys.readouterr().err, "--balance-subj"), (str(caught.value), "cfg:")):
        assert place in line and "a different person each" in line and "subject_pattern" in line


def test_everything_is_written_beside_the_data(
    dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = dataset([[3, 0], [0, 2], [0, 0], [0, 0], [1, 0]], kind="intensity")
    assert main([str(root), "--sampling-size", "2", "--epochs", "3"]) == 0
    out = root / "balance"
    assert {path.name for path in out.iterdir()} == {
        "balanced_train_ids.csv",
        "before_after.csv",
        *(f"{name}.png" for name in PICTURES),
    }
    assert len(listed(out)) == 3 * 4, "5 frames rounded down to a multiple of 2"
    for name in PICTURES:
        with Image.open(out / f"{name}.png") as image:
            assert image.format == "PNG" and min(image.size) > 200
    printed = capsys.readouterr()
    assert f"wrote {out / 'balanced_train_ids.csv'}: 12 training ids" in printed.out
    assert "AU1" in printed.out and "neutral" in printed.out


def test_an_occurrence_table_has_no_intensities(dataset: Callable[..., Path]) -> None:
    root = dataset([[1, 0], [0, 1], [0, 0]], kind="occurrence")
    assert main([str(root), "--sampling-size", "1"]) == 0
    assert {p.stem for p in (root / "balance").glob("*.png")} == PICTURES - {"intensities"}


@pytest.mark.usefixtures("without_figures")
def test_the_table_counts_what_is_in_the_list(dataset: Callable[..., Path]) -> None:
    """Against the ids that were written, counted one by one."""
    rows = [[3, 0, 9], [0, 2, 9], [0, 0, 0], [0, 1, 0], [5, 4, 0], [9, 9, 9], [0, 0, 2]]
    root = dataset(rows, kind="intensity")
    assert main([str(root), "--sampling-size", "2", "--epoch-size", "20", "--epochs", "2"]) == 0
    out = root / "balance"
    draws = Counter(int(frame.removeprefix("A_")) for frame in listed(out))
    table = classes(out)
    assert list(table) == ["AU1", "AU2", "AU3", "neutral"]
    for column, name in enumerate(("AU1", "AU2", "AU3")):
        active = [index for index, row in enumerate(rows) if 2 <= row[column] != 9]
        unknown = [index for index, row in enumerate(rows) if row[column] == 9]
        row = table[name]
        assert int(row["frames_before"]) == 7 and int(row["frames_after"]) == 40
        assert int(row["active_before"]) == len(active)
        assert int(row["unknown_before"]) == len(unknown)
        after = sum(draws[index] for index in active)
        known = 40 - sum(draws[index] for index in unknown)
        assert int(row["active_after"]) == after and int(row["unknown_after"]) == 40 - known
        assert float(row["share_before"]) == pytest.approx(
            len(active) / (7 - len(unknown)), abs=1e-4
        )
        assert float(row["share_after"]) == pytest.approx(after / known, abs=1e-4)
        assert float(row["draws_mean"]) == pytest.approx(after / len(active), abs=0.006)
        assert int(row["draws_min"]) == min(draws[index] for index in active)
        assert int(row["draws_max"]) == max(draws[index] for index in active)
    assert int(table["neutral"]["active_before"]) == 2
    assert int(table["neutral"]["unknown_before"]) == 1
    assert draws[5] == 0, "of the frame nothing is known"


def test_balancing_balances() -> None:
    """The rarest class comes near the most frequent one."""
    active = (np.random.default_rng(0).random((2000, 3)) < (0.02, 0.1, 0.4)).astype(np.float32)
    balance = Balance(("a", "b", "c"), active, draw(active, 1920, 32, 3, 0))
    before, after = balance.shares(after=False), balance.shares(after=True)
    assert before.max() / before.min() > 15 and after.max() / after.min() < 2


def test_cooccurrence_is_conditional_on_the_row() -> None:
    active = np.array([[1, 1, 0], [1, 0, 0], [1, NAN, 0]], dtype=np.float32)
    balance = Balance(("a", "b", "c"), active, np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(
        balance.cooccurrence(after=False), [[1, 1 / 2, 0], [1, 1, 0], [NAN, NAN, NAN]]
    )
    np.testing.assert_allclose(
        balance.cooccurrence(after=True), [[1, 3 / 4, 0], [1, 1, 0], [NAN, NAN, NAN]]
    )


@pytest.mark.usefixtures("without_figures")
def test_an_empty_and_a_small_class_are_named(
    dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A class of as many frames as are drawn at a time is large enough."""
    root = dataset([[1, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], kind="occurrence")
    assert main([str(root), "--sampling-size", "2"]) == 0
    errors = capsys.readouterr().err
    assert "never drawn, active in no training frame: AU2\n" in errors
    assert "--sampling-size 2, all drawn again and again: AU1 (1)\n" in errors
    row = classes(root / "balance")["AU2"]
    assert (row["draws_mean"], row["share_before"], row["never_drawn"]) == ("", "0.0000", "0")


@pytest.mark.usefixtures("without_figures")
def test_a_fold_has_its_own_list(dataset: Callable[..., Path]) -> None:
    """Where train.py --fold looks for it."""
    root = dataset([[1], [0], [1], [0]], kind="occurrence")
    fold = root / "folds" / "2"
    fold.mkdir(parents=True)
    (fold / "train_ids.csv").write_text("A_2\nA_3")
    (fold / "test_ids.csv").write_text("B_0")
    assert main([str(root), "--fold", "2", "--sampling-size", "1"]) == 0
    assert set(listed(fold / "balance")) == {"A_2", "A_3"}


@pytest.mark.usefixtures("without_figures")
def test_subjects_held_out_are_not_drawn(dataset: Callable[..., Path]) -> None:
    root = dataset([[1], [0]], kind="occurrence")
    (root / "train_ids.csv").write_text("A_0\nA_1\nB_0")
    flags = ["--validation-subjects", "B", "--sampling-size", "1", "--epochs", "4"]
    assert main([str(root), *flags]) == 0
    assert set(listed(root / "balance")) == {"A_0", "A_1"}


@pytest.mark.usefixtures("without_figures")
def test_a_small_set_is_one_sampling(dataset: Callable[..., Path]) -> None:
    root = dataset([[1], [0], [0]], kind="occurrence")
    assert main([str(root)]) == 0
    assert len(listed(root / "balance")) == 32


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epoch-size", "5", "--sampling-size", "2"], "--sampling-size 2: use 4"),
        (["--train-ids", "other.csv"], "other.csv: cannot be read"),
        (["--labels", "none.pkl"], "none.pkl: cannot be read"),
    ],
)
def test_mistakes_are_one_line(
    dataset: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    root = dataset([[1], [0]], kind="occurrence")
    assert main([str(root), *flags]) == 2
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1
    assert not (root / "balance").exists()


def test_training_frames_of_which_nothing_is_known_are_a_mistake(
    dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = dataset([[1], [9]], kind="occurrence")
    (root / "train_ids.csv").write_text("A_1\nB_0")
    assert main([str(root), "--validation-subjects", "B"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"{root}/") and errors.count("\n") == 1
    assert errors.endswith(": no AU of any train frame is known\n")


def many(aus: int, people: int) -> tuple[Balance, list[str], npt.NDArray[np.float32]]:
    """A balance of that many AUs, the subjects of its frames and their intensities."""
    random = np.random.default_rng(1)
    values = random.integers(0, 6, (20 * people, aus)).astype(np.float32)
    active = (values >= 4).astype(np.float32)
    names = tuple(f"AU{column + 1}" for column in range(aus))
    subjects = [f"SN{person:03d}" for person in range(people) for _ in range(20)]
    return Balance(names, active, random.integers(0, len(values), 900)), subjects, values


@pytest.mark.slow
@pytest.mark.parametrize(("aus", "people"), [(1, 1), (12, 41), (5, 3), (20, 6)])
def test_nothing_of_a_figure_is_cut_off_or_hidden(aus: int, people: int) -> None:
    """Titles, labels and captions lie within the figure, and the caption below all else."""
    for name, (_, make) in figures.balance_figures(*many(aus, people)).items():
        figure = make()
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.canvas.draw()
        inner = figure.get_tightbbox(renderer)
        width, height = figure.get_size_inches()
        assert inner.x0 >= 0 and inner.y0 >= 0, name
        assert inner.x1 <= width and inner.y1 <= height, name
        title, caption = (text.get_window_extent(renderer) for text in figure.texts)
        for legend in figure.legends:
            assert legend.get_window_extent(renderer).x0 > title.x1, f"{name}: title and legend"
        for axes in figure.axes:
            box = axes.get_tightbbox(renderer)
            assert box is None or box.y0 > caption.y1, f"{name}: the caption is written over"
            assert box is None or box.y1 < title.y0, f"{name}: the title is written over"
        assert _labels(figure), name


def _labels(figure: Figure) -> bool:
    """Every visible panel of a figure has a title above or a label on it."""
    panels = [axes for axes in figure.axes if axes.get_visible()]
    return all(axes.get_title() or axes.get_xlabel() or axes.get_ylabel() for axes in panels)


@pytest.mark.slow
def test_it_runs_as_a_module_and_help_is_quick(tmp_path: Path, minimal_data: Path) -> None:
    command = [sys.executable, "-m", "create_dataset.balance"]
    result = subprocess.run(
        [*command, str(minimal_data), "--sampling-size", "2", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    probe = (
        "import sys\nfrom create_dataset.balance import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
