"""Figures of decoded images: which codes each image is made of, shown with a linear toy."""

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.disentangling import traversals
from audetnet.disentangling.codes import Codes
from audetnet.disentangling.decoded_images import (
    diverse_frames,
    exchange_matrix,
    exchange_strips,
    shuffled_images,
)
from audetnet.disentangling.figures import Illustration
from audetnet.disentangling.image_grid import frame_names
from audetnet.disentangling.traversals import STEPS
from audetnet.networks.code import Code
from tests.disentangling.test_figures import check

IDS = ("p0_1", "p1_1", "p2_a_very_long_name_of_a_frame", "p3_1")
NAMES = frame_names(IDS, ("p0", "p1", "p2", "p3"))


def decode(z1: Tensor, z2: Tensor) -> np.ndarray:
    """The code is the image, in [-1, 1]."""
    pixels = (torch.cat([z1, z2], dim=1) + 1) / 2
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def code_of(pixels: np.ndarray, z1: int = 1) -> Code:
    """z1 is the first channels."""
    return Code(torch.from_numpy(pixels).float() / 127.5 - 1, z1)


def frames(count: int = 4, height: int = 6) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, 3, height, 6), dtype=np.uint8)


def images(made: Illustration) -> dict[tuple[int, int], np.ndarray]:
    """Images (3, H, W) by their places in rows and columns, counted from 0."""
    drawn = [axes for axes in made.figure.axes if axes.images]
    left = sorted({round(axes.get_position().x0, 3) for axes in drawn})
    top = sorted({-round(axes.get_position().y1, 3) for axes in drawn})
    return {
        (
            top.index(-round(axes.get_position().y1, 3)),
            left.index(round(axes.get_position().x0, 3)),
        ): np.moveaxis(np.asarray(axes.images[0].get_array()), -1, 0)
        for axes in drawn
        if np.asarray(axes.images[0].get_array()).ndim == 3
    }


def made_codes(person: list[int], labels: list[list[float]], z: np.ndarray) -> Codes:
    return Codes(
        ids=tuple(f"frame{row}" for row in range(len(person))),
        people=tuple(f"p{one}" for one in range(max(person) + 1)),
        person=np.array(person),
        labels=np.array(labels, dtype=np.float64),
        z1=z[:, :1].reshape(len(person), -1),
        z2=z[:, 1:].reshape(len(person), -1),
    )


@pytest.mark.parametrize("height", [6, 9])
def test_the_exchange_takes_z1_of_the_row_and_z2_of_the_column(height: int) -> None:
    pixels = frames(height=height)
    made = exchange_matrix(decode, code_of(pixels), pixels, NAMES)
    check(made)
    shown = images(made)
    assert len(shown) == 4 + 4 * 6
    for row in range(4):
        np.testing.assert_array_equal(shown[0, 2 + row], pixels[row])
        np.testing.assert_array_equal(shown[1 + row, 0], pixels[row])
        np.testing.assert_array_equal(shown[1 + row, 2 + row], shown[1 + row, 1])
        for column in range(4):
            image = shown[1 + row, 2 + column]
            np.testing.assert_array_equal(image[:1], pixels[row, :1])
            np.testing.assert_array_equal(image[1:], pixels[column, 1:])


def test_the_exchange_of_a_code_without_z2_says_so() -> None:
    pixels = frames()
    made = exchange_matrix(decode, code_of(pixels, 3), pixels, NAMES)
    check(made)
    assert "no z2" in made.caption
    np.testing.assert_array_equal(images(made)[2, 5], pixels[1])


def test_strips_pair_each_frame_with_the_next() -> None:
    pixels = frames()
    strips = exchange_strips(decode, code_of(pixels), pixels, pairs=3)
    assert strips.shape == (3, 4, 3, 6, 6)
    last = exchange_strips(decode, code_of(pixels), pixels)[3]
    np.testing.assert_array_equal(last[:3], pixels[[3, 0, 3]])
    np.testing.assert_array_equal(last[3], np.concatenate([pixels[3, :1], pixels[0, 1:]]))


def test_shuffled_images_take_one_block_from_the_frame_before() -> None:
    pixels = frames(8)
    made = shuffled_images(decode, code_of(pixels), pixels, NAMES * 2)
    check(made)
    shown = images(made)
    assert len(shown) == 4 * 8
    for column in range(8):
        before = pixels[(column - 1) % 8]
        own = pixels[column]
        np.testing.assert_array_equal(shown[0, column], own)
        np.testing.assert_array_equal(shown[1, column], own)
        np.testing.assert_array_equal(shown[2, column], np.concatenate([own[:1], before[1:]]))
        np.testing.assert_array_equal(shown[3, column], np.concatenate([before[:1], own[1:]]))


def test_a_single_frame_is_shown_too() -> None:
    pixels = frames(1)
    check(shuffled_images(decode, code_of(pixels), pixels, NAMES[:1]))
    check(exchange_matrix(decode, code_of(pixels), pixels, NAMES[:1]))


def test_a_traversal_starts_at_the_reconstruction_and_reaches_the_active_mean() -> None:
    """One person, whose frames differ by the AU (z1 from -0.2 to 0.3) alone."""
    z = np.full((4, 3, 6, 6), 0.1, dtype=np.float32)
    z[:, 0] = np.array([-0.2, -0.2, 0.2, 0.4])[:, None, None]
    labels = [[0, 0, np.nan], [0, 0, np.nan], [1, 0, np.nan], [1, 0, np.nan]]
    codes = made_codes([0] * 4, labels, z)
    made = traversals.au_traversals(
        decode, codes, Code(torch.from_numpy(z), 1), ("AU1", "never", "unknown")
    )
    check(made)
    shown = images(made)
    assert sorted(shown) == [(0, column) for column in range(len(STEPS))]
    level = {t: round((z1 + 1) * 127.5) for t, z1 in ((0.0, -0.2), (1.0, 0.3), (2.0, 0.8))}
    for t, grey in level.items():
        image = shown[0, STEPS.index(t)]
        assert (image[0] == grey).all()
        assert (image[1:] == round(1.1 * 127.5)).all()
    change = np.asarray(made.figure.axes[len(STEPS)].images[0].get_array())
    np.testing.assert_allclose(change, (level[2.0] - level[0.0]) / 3)
    assert "grey levels\n(of 255)" in [axes.get_ylabel() for axes in made.figure.axes]


def test_directions_are_those_within_people() -> None:
    """Person 1 has other codes and is active more often: this must not turn the direction."""
    z1 = torch.tensor([[0.0, 0], [1, 0], [0, 9], [1, 9], [1, 9], [5, 5]])[:, :, None, None]
    labels = np.array([0.0, 1, 0, 1, 1, np.nan])
    step = traversals.au_direction(z1, labels, np.array([0, 0, 1, 1, 1, 1]))
    assert step.flatten().tolist() == [1, 0]
    apart = traversals.au_direction(z1[:4], np.array([0.0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    assert apart.flatten().tolist() == [0, 9]


def test_traversals_start_where_few_other_aus_are_active() -> None:
    z = np.zeros((4, 3, 6, 6), dtype=np.float32)
    codes = made_codes([0, 0, 0, 1], [[0, 1], [0, 0], [1, 1], [0, 0]], z)
    made = traversals.au_traversals(decode, codes, Code(torch.from_numpy(z), 1), ("AU1", "AU2"))
    names = [axes.get_ylabel() for axes in made.figure.axes if "frame" in axes.get_ylabel()]
    assert names == ["AU1\nframe1", "AU2\nframe1"]


def test_traversals_of_many_aus_show_the_most_frequent() -> None:
    count = traversals.MOST_AUS + 2
    z = np.random.default_rng(0).normal(size=(count + 1, 3, 6, 6)).astype(np.float32) / 4
    labels = np.tril(np.ones((count + 1, count)), -1)
    codes = made_codes([0] * (count + 1), labels.tolist(), z)
    names = tuple(f"AU{n}" for n in range(count))
    made = traversals.au_traversals(decode, codes, Code(torch.from_numpy(z), 1), names)
    check(made)
    assert len(images(made)) == traversals.MOST_AUS * len(STEPS)
    rows = [axes.get_ylabel().split("\n")[0] for axes in made.figure.axes]
    assert [row for row in rows if row.startswith("AU")] == list(names[: traversals.MOST_AUS])


@pytest.mark.parametrize("label", [0.0, 1.0, np.nan])
def test_traversals_without_any_au_say_so(label: float) -> None:
    z = np.zeros((3, 3, 6, 6), dtype=np.float32)
    codes = made_codes([0, 0, 1], [[label]] * 3, z)
    made = traversals.au_traversals(decode, codes, Code(torch.from_numpy(z), 1), ("AU1",))
    check(made)
    assert "No AU" in made.caption


def test_traversals_of_a_code_without_z2() -> None:
    z = np.random.default_rng(0).normal(size=(4, 3, 6, 6)).astype(np.float32) / 4
    codes = made_codes([0, 0, 1, 1], [[0], [1], [0], [0]], z)
    check(traversals.au_traversals(decode, codes, Code(torch.from_numpy(z), 3), ("AU1",)))


def test_diverse_frames_are_of_different_people_and_expressions() -> None:
    labels = [[0, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 0]]
    codes = made_codes([0, 0, 1, 1, 2, 2], labels, np.zeros((6, 3, 6, 6)))
    chosen = diverse_frames(codes, 3)
    assert chosen.tolist() == [1, 3, 4]
    everything = diverse_frames(codes, 9).tolist()
    assert sorted(everything) == list(range(6))
    assert sorted(codes.person[everything[3:]]) == [0, 1, 2]
