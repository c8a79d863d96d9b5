"""What identifies people: dlib's descriptor if it is installed, else the own classifier."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from audetnet.disentangling import identity_embedding
from audetnet.disentangling.identity_embedding import (
    DlibEmbedder,
    ReferenceNetworks,
    frames_to_embed,
    identity_follows_z2,
    reference_networks,
)
from audetnet.disentangling.reference_classifier import ReferenceClassifier
from audetnet.errors import UserError
from audetnet.faces.descriptor import SIDE


class _Corner:
    """A descriptor of the colour of the upper left and lower right pixel, and of the size."""

    def descriptors(self, faces: np.ndarray) -> np.ndarray:
        assert faces.dtype == np.uint8
        sizes = np.full((len(faces), 2), faces.shape[1:3])
        return np.hstack([faces[:, 0, 0], faces[:, -1, -1], sizes]).astype(np.float64)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(identity_embedding, "FaceDescriptor", _Corner)
    yield


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse() -> None:
        raise UserError("dlib is not installed")

    monkeypatch.setattr(identity_embedding, "FaceDescriptor", refuse)
    yield


@pytest.mark.usefixtures("installed")
def test_the_descriptor_identifies_people_if_it_is_installed() -> None:
    own = ReferenceClassifier(2, 3)
    networks = reference_networks(own)
    assert networks.aus is own and isinstance(networks.person, DlibEmbedder)
    assert networks.person.embedder_name == "dlib's face descriptor"


@pytest.mark.usefixtures("missing")
def test_the_own_classifier_does_if_it_is_not() -> None:
    own = ReferenceClassifier(2, 3)
    assert reference_networks(own) == ReferenceNetworks(own, own)
    assert "pip install -e '.[detector]'" in own.embedder_name and own.max_frames is None


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("size", [(64, 64), (256, 256), (96, 80)])
def test_it_sees_the_whole_picture_in_grey_levels(size: tuple[int, int]) -> None:
    pixels = torch.zeros(2, 3, *size)
    pixels[0, :, :30, :30] = torch.tensor([0.2, 0.4, 0.6])[:, None, None]
    pixels[1, :, -30:, -30:] = 1
    found = DlibEmbedder().embedding(pixels).numpy()
    np.testing.assert_array_equal(
        found, [[51, 102, 153, 0, 0, 0, SIDE, SIDE], [0, 0, 0, 255, 255, 255, SIDE, SIDE]]
    )


def test_embedded_frames_are_spread_over_each_person() -> None:
    person = np.repeat(np.arange(3), [20, 10, 30])
    np.testing.assert_array_equal(frames_to_embed(person, None), np.arange(60))
    np.testing.assert_array_equal(frames_to_embed(person, 100), np.arange(60)[_fewer(person, 33)])
    chosen = frames_to_embed(person, 9)
    np.testing.assert_array_equal(chosen, [0, 10, 19, 20, 24, 29, 30, 44, 59])
    assert np.bincount(person[frames_to_embed(person, 1)]).tolist() == [2, 2, 2]


def _fewer(person: np.ndarray, most: int) -> np.ndarray:
    """Whether each frame is among the first ``most`` of its person."""
    places = np.concatenate([np.arange(count) for count in np.bincount(person)])
    return np.asarray(places < most)


def test_whose_person_it_is_against_loops() -> None:
    """By its definition, written out, for some of the frames."""
    numbers = np.random.default_rng(0)
    person = np.repeat(np.arange(3), 8)
    rows, partner = np.arange(0, 24, 2), (np.arange(24) + 9) % 24
    exchanged, rebuilt = numbers.normal(size=(2, len(rows), 5))
    embeddings = dict(zip(rows.tolist(), rebuilt - rebuilt.mean(axis=0), strict=True))
    expected = []
    for row, picture in zip(rows.tolist(), exchanged - rebuilt.mean(axis=0), strict=True):
        near = []
        for frame in (row, int(partner[row])):
            others = [z for k, z in embeddings.items() if person[k] == person[frame] and k != frame]
            mean = np.mean(others, axis=0)
            near.append(picture @ mean / np.linalg.norm(picture) / np.linalg.norm(mean))
        expected.append(near[1] > near[0])
    found = identity_follows_z2(exchanged, rebuilt, rows, person, partner)
    np.testing.assert_array_equal(found, expected)
    assert 0 < found.mean() < 1


def test_the_real_descriptor_tells_people(minimal_data: Path) -> None:
    """Shipped frames, as small as a decoder draws them."""
    from PIL import Image

    paths = sorted((minimal_data / "imgs").iterdir())[:6]
    pictures = [np.asarray(Image.open(path).convert("RGB").resize((64, 64))) for path in paths]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255
    found = DlibEmbedder().embedding(pixels).numpy()
    people = np.array([path.name.split("_")[0] for path in paths])
    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    same = people[:, None] == people[None]
    assert distances[same].max() < distances[~same].min()
