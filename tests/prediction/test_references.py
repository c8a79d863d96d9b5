"""``--reference`` subtracts what the evaluation subtracts."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from audetnet.commands.predict import main
from audetnet.data.augment import to_unit_range
from audetnet.data.batches import Batches
from audetnet.data.cache import pack_frames
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.images import read_image
from audetnet.evaluation.at_rest import reference_block
from audetnet.networks.code import Code
from audetnet.training.saved import SavedModel, load_saved
from audetnet.training.with_references import training_level
from tests.prediction.conftest import FakeDetector, trained
from tests.training.conftest import FROZEN_STEM, REFERENCE

Predict = Callable[..., Path]
WriteVideo = Callable[[str, list[int]], Path]


@pytest.fixture
def crops(minimal_data: Path, tmp_path: Path) -> Path:
    """Two folders of two people, two frames each."""
    for person in ("SN001", "SN002"):
        for path in (minimal_data / "imgs").glob(f"{person}_*.jpg"):
            (tmp_path / "crops" / person).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "crops" / person)
    return tmp_path / "crops"


def _pixels(saved: SavedModel, folder: Path) -> torch.Tensor:
    paths = sorted(folder.glob("*.jpg"))
    return to_unit_range(
        torch.from_numpy(np.stack([read_image(path, saved.plan.image[1:]) for path in paths]))
    )


def _values(table: Path) -> npt.NDArray[np.float64]:
    return pd.read_csv(table).filter(like="_p").to_numpy()


def test_the_neutral_z1_of_a_person_is_subtracted(
    run: Path, crops: Path, minimal_data: Path, predict: Predict, capsys
) -> None:
    """One person per folder; the level is that of the training people, as in the results."""
    flags = ("--aligned", "--reference", "median", "--data", minimal_data)
    found = _values(predict(run, crops, *flags))
    saved = load_saved(run)
    model = saved.trained().eval()
    dataset = load_dataset(DatasetPaths(directory=minimal_data), regress=False)
    packed = pack_frames(dataset.images(), saved.plan.image[1:], True, None)
    batches = Batches(dataset.train, packed, torch.device("cpu"))
    level = training_level(model, dataset.train, batches, 0)
    expected = []
    with torch.no_grad():
        for person in ("SN001", "SN002"):
            code = model.encode(_pixels(saved, crops / person))
            z1 = code.z1 - code.z1.mean(dim=0) + level  # the median of two is their mean
            expected.append(saved.head().scores(model.predict(Code.of(z1, code.z2))))
    np.testing.assert_allclose(found, torch.cat(expected), atol=6e-5)
    assert "the neutral of face 0 is the median of only 2 frames" in capsys.readouterr().err


@pytest.mark.slow
def test_a_person_reference_is_subtracted_at_its_block(
    narrow_resnet: None, tmp_path: Path, crops: Path, predict: Predict, capsys
) -> None:
    run = trained(tmp_path, *FROZEN_STEM, REFERENCE)
    capsys.readouterr()
    plain = _values(predict(run, crops, "--aligned", out="plain.csv"))
    assert "using the average neutral of its training people" in capsys.readouterr().err
    found = _values(predict(run, crops, "--aligned", "--reference", "median", out="median.csv"))
    neutral = crops / "SN001" / "SN001_0.jpg"
    flags = ("--aligned", "--reference", f"neutral={neutral}")
    by_file = _values(predict(run, neutral, *flags, out="neutral.csv"))
    saved = load_saved(run)
    model, head = saved.trained().eval(), saved.head()
    block = reference_block(model)
    assert block is not None
    with torch.no_grad():
        pixels = _pixels(saved, crops / "SN001")
        read = model.encoder.block_input(block[0], model.pixels.encoder_input(pixels))
        neutral = read.mean(dim=0, keepdim=True).expand_as(read)
        for values, given in ((plain[:2], None), (found[:2], neutral)):
            expected = head.scores(model.predict(model.encode(pixels, given)))
            np.testing.assert_allclose(values, expected, atol=6e-5)
        own = head.scores(model.predict(model.encode(pixels[:1], read[:1])))
        np.testing.assert_allclose(by_file, own, atol=6e-5)
    assert np.abs(plain - found).max() > 1e-3


def test_each_face_of_a_video_has_its_own_neutral(
    run: Path, write_video: WriteVideo, minimal_data: Path, detector: FakeDetector, predict: Predict
) -> None:
    """A person who never moves shows the average training person's AUs, whoever it is."""
    clip = write_video("clip.avi", [2, 2, 2, 2, 2])
    flags = ("--reference", "median", "--data", minimal_data)
    values = _values(predict(run, clip, *flags))
    plain = _values(predict(run, clip, out="plain.csv"))
    assert np.abs(plain[0] - plain[1]).max() > 2e-3
    assert np.abs(values - values[0]).max() < 1e-3


def test_the_first_seconds_of_the_people_seen_then(
    run: Path, write_video: WriteVideo, minimal_data: Path, detector, predict: Predict, capsys
) -> None:
    """The second person appears after the first second: there is nothing to subtract."""
    clip = write_video("clip.avi", [1] * 10 + [2] * 3)
    flags = ("--reference", "first=1", "--data", minimal_data)
    found = pd.read_csv(predict(run, clip, *flags))
    plain = pd.read_csv(predict(run, clip, out="plain.csv"))
    aus = found.filter(like="_p").columns
    second = found["face"] == 1
    pd.testing.assert_frame_equal(found.loc[second, aus], plain.loc[second, aus])
    assert np.abs(found.loc[~second, aus] - plain.loc[~second, aus]).max(axis=None) > 1e-3
    assert f"{clip}: no neutral frames of 1 person; using" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["mean", "neutral=", "first=", "first=-1", "first=nan", "median=3"]
)
def test_an_invalid_reference(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "photos", "--reference", text])
    assert "expected none, median, neutral=FILE or first=SECONDS" in capsys.readouterr().err


def test_a_folder_of_neutral_images(
    run: Path, crops: Path, minimal_data: Path, predict: Predict
) -> None:
    """The median over all of them."""
    folder = crops / "SN001"
    flags = (folder, "--aligned", "--data", minimal_data, "--reference")
    found = _values(predict(run, *flags, f"neutral={folder}", out="folder.csv"))
    np.testing.assert_array_equal(found, _values(predict(run, *flags, "median")))


def test_a_neutral_image_without_a_face(
    run: Path, photos: Path, minimal_data: Path, detector, tmp_path: Path, capsys
) -> None:
    flags = ["--faces", "largest", "--reference", f"neutral={photos / 'c.png'}"]
    out = ["--data", str(minimal_data), "--out", str(tmp_path / "out.csv")]
    assert main([str(run), str(photos / "a.png"), *flags, *out]) == 2
    assert "c.png: no usable face in it" in capsys.readouterr().err
