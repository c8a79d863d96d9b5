"""The reference classifier learns, and is cached for the frames it was trained on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from audetnet.data.frames import FrameSet
from audetnet.disentangling import reference_classifier as module
from audetnet.disentangling.block_metrics import macro_auc
from audetnet.disentangling.reference_classifier import ReferenceClassifier, trained_classifier

COUNT, AUS, SIDE = 96, 2, 32
CPU = torch.device("cpu")
Pixels = npt.NDArray[np.uint8]


def _made(seed: int, people: int = 3) -> tuple[FrameSet, Pixels]:
    """An AU is a bright bar in the upper or lower half, a person a shade of the background."""
    numbers = np.random.default_rng(seed)
    person = np.arange(COUNT) % people
    labels = (numbers.random((COUNT, AUS)) < 0.5).astype(np.float32)
    pixels = numbers.normal(60, 10, size=(COUNT, 3, SIDE, SIDE)) + 20 * person[:, None, None, None]
    for au in range(AUS):
        pixels[:, :, 16 * au + 4 : 16 * au + 12, 6:26] += 110 * labels[:, au, None, None, None]
    names = tuple(f"P{who}" for who in person)
    ids = tuple(f"{name}_{row}" for row, name in enumerate(names))
    frames = FrameSet(
        name="train", ids=ids, paths=tuple(map(Path, ids)), subjects=names, labels=labels
    )
    return frames, pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EPOCHS", 2)


def _scores(classifier: ReferenceClassifier, pixels: Pixels) -> Tensor:
    return classifier.scores(torch.from_numpy(pixels).float() / 255)


def _trained(
    cache: Path | None, frames: FrameSet, pixels: Pixels, seed: int = 0
) -> ReferenceClassifier:
    return trained_classifier(frames, pixels, 1.0, cache, CPU, seed)


@pytest.mark.slow
def test_it_learns_to_read_aus_of_other_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EPOCHS", 12)
    classifier = _trained(tmp_path, *_made(0))
    frames, pixels = _made(1)
    scores = _scores(classifier, pixels).double().numpy()
    people = np.zeros(COUNT, dtype=np.int64)
    assert macro_auc(scores, frames.labels.astype(np.float64), people)(np.ones(1)) > 0.9
    assert not classifier.training


def test_its_embedding_tells_people_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EPOCHS", 12)
    classifier = _trained(tmp_path, *_made(0))
    _, pixels = _made(1)
    found = classifier.embedding(torch.from_numpy(pixels).float() / 255)
    means = torch.stack([found[who::3].mean(dim=0) for who in range(3)])
    nearest = torch.cdist(found, means).argmin(dim=1)
    assert (nearest == torch.arange(COUNT) % 3).float().mean() > 0.8


def test_the_same_seed_trains_the_same_classifier(tmp_path: Path) -> None:
    frames, pixels = _made(0)
    first = _trained(tmp_path / "a", frames, pixels)
    torch.rand(3)
    second = _trained(tmp_path / "b", frames, pixels)
    assert torch.equal(_scores(first, pixels), _scores(second, pixels))


def test_training_leaves_the_generator_of_torch_alone(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    _trained(tmp_path, *_made(0))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_a_cache_it_is_the_same_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, pixels = _made(0)
    kept = _trained(tmp_path / "cache", frames, pixels)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    assert torch.equal(_scores(_trained(None, frames, pixels), pixels), _scores(kept, pixels))
    assert sorted(tmp_path.rglob("*")) == before


def test_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, pixels = _made(0)
    first = _trained(tmp_path, frames, pixels)
    monkeypatch.setattr(module, "_train", None)
    assert torch.equal(_scores(_trained(tmp_path, frames, pixels), pixels), _scores(first, pixels))


@pytest.mark.parametrize("change", ["labels", "pixels", "subjects", "seed"])
def test_anything_else_is_another_classifier(tmp_path: Path, change: str) -> None:
    frames, pixels = _made(0)
    _trained(tmp_path, frames, pixels)
    if change == "labels":
        frames = replace(frames, labels=1 - frames.labels)
    if change == "subjects":
        frames = replace(frames, subjects=frames.subjects[::-1])
    if change == "pixels":
        pixels = 255 - pixels
    _trained(tmp_path, frames, pixels, seed=int(change == "seed"))
    assert len(list(tmp_path.glob("judge-*.pt"))) == 2


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _flip_a_weight(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _drop_a_layer(path: Path) -> None:
    """What is there must not be where the training starts from."""
    state = torch.load(path, weights_only=True)
    torch.save({name: 2 * value for name, value in list(state.items())[:-1]}, path)


@pytest.mark.parametrize("damage", [_cut, _flip_a_weight, _drop_a_layer], ids=lambda f: f.__name__)
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    frames, pixels = _made(0)
    first = _scores(_trained(tmp_path, frames, pixels), pixels)
    (path,) = tmp_path.glob("judge-*.pt")
    whole = path.read_bytes()
    damage(path)
    assert torch.equal(_scores(_trained(tmp_path, frames, pixels), pixels), first)
    assert path.read_bytes() == whole


def test_a_disk_that_does_not_keep_it_costs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, pixels = _made(0)
    (tmp_path / "file").touch()
    refused = _trained(tmp_path / "file", frames, pixels)
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in line and "not cached" in line
    assert torch.equal(_scores(refused, pixels), _scores(_trained(None, frames, pixels), pixels))


def test_unknown_labels_and_a_single_person(tmp_path: Path) -> None:
    frames, pixels = _made(0, people=1)
    frames.labels[:, 0] = np.nan
    frames.labels[::2, 1] = np.nan
    assert bool(_scores(_trained(tmp_path, frames, pixels), pixels).isfinite().all())
