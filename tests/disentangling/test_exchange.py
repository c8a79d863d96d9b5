"""Exchanged codes, with models and reference networks whose truth is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from audetnet.disentangling.codes import Codes
from audetnet.disentangling.exchanged_codes import partners
from audetnet.disentangling.identity_embedding import ReferenceNetworks
from audetnet.disentangling.measures.exchange import ROWS, exchanged
from audetnet.disentangling.reference_classifier import ReferenceClassifier
from audetnet.disentangling.table import NotMeasuredError
from audetnet.evaluation.people import Estimate
from audetnet.networks.code import Code

PEOPLE, FRAMES, AUS, SIDE = 5, 30, 3, 8
CPU = torch.device("cpu")


@dataclass
class Halves:
    """Its code is the picture: z1 the upper half, with the AUs, and z2 the lower one, with the
    person, or (``swapped``) the other way round; ``mute``: the decoder leaves z1's half grey.
    """

    swapped: bool = False
    mute: bool = False

    def encode(self, pixels: Tensor, rest: Tensor | None = None) -> Code:
        """(B, 3, S, S) in [0, 1] to (B, S, 3 S, 1), a channel for each row of pixels."""
        rows = (self._swap(pixels) * 2 - 1).permute(0, 2, 1, 3)
        return Code(rows.reshape(len(pixels), SIDE, -1, 1), SIDE // 2)

    def decode(self, code: Code) -> Tensor:
        z1 = torch.zeros_like(code.z1) if self.mute else code.z1
        rows = torch.cat([z1, code.z2], dim=1)
        return self._swap(rows.reshape(len(code), SIDE, 3, SIDE).permute(0, 2, 1, 3))

    def _swap(self, pixels: Tensor) -> Tensor:
        return pixels.roll(SIDE // 2, dims=2) if self.swapped else pixels


class Reader(ReferenceClassifier):
    """Reads the AU half and the person half exactly."""

    def __init__(self) -> None:
        super().__init__(AUS, PEOPLE)

    def scores(self, pixels: Tensor) -> Tensor:
        return pixels[:, 0, 0, :AUS]

    def embedding(self, pixels: Tensor) -> Tensor:
        return pixels[:, 1, SIDE // 2 :].flatten(1)


READERS = ReferenceNetworks(Reader(), Reader())


@pytest.fixture
def codes() -> Codes:
    numbers = np.random.default_rng(0)
    person = np.repeat(np.arange(PEOPLE), FRAMES)
    labels = (numbers.random((len(person), AUS)) < 0.4).astype(np.float64)
    ids = tuple(map(str, range(len(person))))
    z = np.zeros((len(person), 2))
    return Codes(ids=ids, people=tuple("abcde"), person=person, labels=labels, z1=z, z2=z)


@pytest.fixture
def pixels(codes: Codes) -> npt.NDArray[np.uint8]:
    numbers = np.random.default_rng(1)
    pictures = numbers.integers(100, 110, size=(len(codes), 3, SIDE, SIDE))
    pictures[:, 0, 0, :AUS] += (codes.labels * 80).astype(np.int64)
    traits = numbers.integers(0, 140, size=(PEOPLE, SIDE // 2, SIDE))
    pictures[:, 1, SIDE // 2 :] += traits[codes.person]
    return pictures.clip(0, 255).astype(np.uint8)


def _values(model: Halves, pixels: npt.NDArray[np.uint8], codes: Codes) -> dict[str, float]:
    cells = exchanged(model, pixels, codes, READERS, CPU, seed=0).cells
    assert all(isinstance(cell, Estimate) for cell in cells.values())
    return {key: cell.value for key, cell in cells.items() if isinstance(cell, Estimate)}


def test_disentangled_codes(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    """AUs in z1, the person in z2, nothing lost."""
    values = _values(Halves(), pixels, codes)
    assert values["judge_originals"] == values["judge_reconstructions"] == 1
    assert values["exchange_au"] == values["exchange_au_ratio"] == 1
    assert values["exchange_au_of_z2"] == pytest.approx(0.5, abs=0.08)
    assert values["exchange_identity"] == values["identity_judge_reconstructions"] == 1
    assert values["cycle_z1"] < 1e-3 and values["cycle_z2"] < 1e-3


def test_swapped_codes(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    """AUs in z2, the person in z1."""
    values = _values(Halves(swapped=True), pixels, codes)
    assert values["judge_reconstructions"] == 1
    assert values["exchange_au_ratio"] == pytest.approx(0, abs=0.16)
    assert values["exchange_au_of_z2"] == 1
    assert values["exchange_identity"] == 0


def test_a_decoder_that_does_not_read_z1(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    values = _values(Halves(mute=True), pixels, codes)
    assert np.isnan(values["exchange_au_ratio"])
    assert values["exchange_identity"] == 1
    assert values["cycle_z1"] > 0.4
    assert values["cycle_z2"] < 1e-3


def test_rows_and_seed(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    first = exchanged(Halves(), pixels, codes, READERS, CPU, seed=0)
    assert first == exchanged(Halves(), pixels, codes, READERS, CPU, seed=0)
    assert list(first.cells) == [row.key for row in ROWS]
    assert {row.number for row in ROWS} == {8}


class Few(Reader):
    """Sees the person of some of the frames only, and counts them."""

    max_frames = 20

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def embedding(self, pixels: Tensor) -> Tensor:
        self.asked += len(pixels)
        return super().embedding(pixels)


def test_a_slow_embedder_sees_some_frames_only(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    """Of reconstructions and of exchanged pictures; all other numbers are as they were."""
    few = Few()
    found = exchanged(Halves(), pixels, codes, ReferenceNetworks(Reader(), few), CPU, seed=0).cells
    assert few.asked == 2 * few.max_frames
    every = exchanged(Halves(), pixels, codes, READERS, CPU, seed=0).cells
    for key, cell in found.items():
        assert isinstance(cell, Estimate)
        if "identity" in key:
            assert cell.value == 1
        else:
            assert str(cell) == str(every[key]), key


def test_what_it_needs(pixels: npt.NDArray[np.uint8], codes: Codes) -> None:
    one = codes.take(np.arange(FRAMES))
    with pytest.raises(NotMeasuredError, match="these are of 1"):
        exchanged(Halves(), pixels[:FRAMES], one, READERS, CPU, seed=0)
    empty = Codes(
        ids=codes.ids,
        people=codes.people,
        person=codes.person,
        labels=codes.labels,
        z1=codes.z1,
        z2=codes.z2[:, :0],
    )
    with pytest.raises(NotMeasuredError, match="no z2"):
        exchanged(Halves(), pixels, empty, READERS, CPU, seed=0)


def test_partners_are_of_other_people_drawn_evenly() -> None:
    person = np.repeat(np.arange(4), 300)
    partner = partners(person, np.random.default_rng(0))
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (person, person[partner]), 1)
    assert (np.diag(pairs) == 0).all()
    others = pairs[~np.eye(4, dtype=bool)]
    assert others.min() > 70 and others.max() < 130
    assert len(set(partner)) > 500
