"""``audetnet confounded`` as a user runs it, on made-up faces that are only light."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audetnet.commands.confounded import main
from audetnet.files.csv import read_csv

PEOPLE, FRAMES, SIZE = 12, 16, 16
FIRST_TEST, FIRST_VALIDATION = 8, 6
CFG = """
{General}
[training_options]
batch_size=16
max_epochs=1
[data_options]
regress_au_intensities=False
balance_dataset_with_momu=False
mean=127,127,127
std=128,128,128
stem_views=1
person_reference=z1
[loss_options]
au_regression_loss_function=MSE
{Objectives}
[reconstruction]
{Encoder}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=3
[resnet50]
end_at_layer=4
pretrained=False
freeze_first_n_layers=all
[ridge]
output_features=1
[select_subset]
origin_layer=0
start_index=0
end_index=3
[convolutional]
filters=1
kernel_size=4
stride=1
[combine_concat]
combine_layers=1,3
dimension=1
{AUPredictor}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=1
[identity]
{Decoder}
[net]
learning_rate=0.001
beta1=0
beta2=0
channels=2
[convolutional]
filters=3
kernel_size=1
stride=1
[upsample]
scale_factor=16
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AU is a bright square, and light is bright all over."""
    root = tmp_path_factory.mktemp("data")
    (root / "imgs").mkdir()
    draws = np.random.default_rng(0)
    aus, factors = ["frame,AU4"], ["frame,light"]
    lists: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for person in range(PEOPLE):
        part = "test" if person >= FIRST_TEST else "train"
        if part == "train" and person >= FIRST_VALIDATION:
            part = "validation"
        for frame in range(FRAMES):
            name, active = f"p{person}_{frame}", frame % 2
            light = (frame // 2 * PEOPLE + person) / (PEOPLE * FRAMES // 2)
            pixels = draws.normal(60 + 100 * light, 8, (SIZE, SIZE, 3))
            pixels[5:9, 5:9] += 40 * active
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(root / "imgs" / f"{name}.png")
            aus.append(f"{name},{active}")
            factors.append(f"{name},{light}")
            lists[part].append(name)
    (root / "aus.csv").write_text("\n".join(aus))
    (root / "factors.csv").write_text("\n".join(factors))
    (root / "dataset.json").write_text('{"kind": "occurrence"}')
    for part, names in lists.items():
        (root / f"{part}_ids.csv").write_text("\n".join(names))
    (root / "ridge.cfg").write_text(CFG)
    return root


def _run(data: Path, out: Path, *flags: str, tie: str = "AU4:light") -> int:
    places = ["--data", str(data), "--cfg", str(data / "ridge.cfg"), "--out", str(out)]
    return main([*places, "--tie", tie, "--strengths", "0,0.8", "--device", "cpu", *flags])


@pytest.mark.usefixtures("narrow_resnet")
def test_a_table_of_every_strength_and_nothing_is_done_twice(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("audetnet.evaluation.people.DRAWS", 50)
    out = tmp_path / "out"
    assert _run(data, out) == 0
    shown = capsys.readouterr().out
    stems = list((data / "cache").glob("stem-*.npy"))
    assert len(stems) == 1, "it is computed of all frames, not of each strength's"
    header, *rows = read_csv(out / "confounded.csv")
    assert header[:6] == ["au", "factor", "cfg", "strength", "seeds", "quantity"]
    found = {(row[2], float(row[3]), row[5]): float(row[6]) for row in rows}
    names = {name for name, *_ in found}
    assert names == {"ridge", "ridge + reference"}
    assert found["ridge", 0.8, "gap"] == pytest.approx(
        found["ridge", 0.8, "same"] - found["ridge", 0.8, "opposite"]
    )
    sizes = {len(list(path.open())) for path in (out / "ties").glob("*/train_ids.csv")}
    assert sizes == {FIRST_VALIDATION * FRAMES // 2}
    assert len((out / "ties" / "test_ids.csv").read_text().split()) == 4 * FRAMES
    assert "| ridge + reference | 0.8 |" in (out / "confounded.md").read_text()
    assert re.search(r"AU4:light at 0\.8: 48 training frames; gamma train 0\.[78]", shown)

    def refuse(*_: object) -> None:
        raise AssertionError("it was there already")

    monkeypatch.setattr("audetnet.commands.train.main", refuse)
    monkeypatch.setattr("audetnet.results.tied_predictions._predicted", refuse)
    assert _run(data, out) == 0
    assert read_csv(out / "confounded.csv") == [header, *rows]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"tie": "AU5:light"}, "--tie AU5:light: the data have no AU 'AU5'"),
        ({"tie": "AU4:lihgt"}, "no column 'lihgt'; did you mean 'light'?"),
    ],
)
def test_names_that_are_not_known(
    data: Path, tmp_path: Path, flags: dict[str, str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(data, tmp_path / "out", **flags) == 2
    (found,) = capsys.readouterr().err.splitlines()
    assert line in found


def test_without_validation_people_there_is_a_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(data, tmp_path / "out", "--validation-ids", "none.csv") == 2
    assert "has no validation people, on whom epochs are chosen" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--strengths", "1"), ("--strengths", "0"), ("--tie", "AU4")])
def test_flags_that_say_nothing(
    data: Path, tmp_path: Path, flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _run(data, tmp_path / "out", *flags)
    assert f"argument {flags[0]}: expected" in capsys.readouterr().err
