"""Augmentation: each part on its own against its definition."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from audetnet.data.augment import (
    Augmentation,
    Draws,
    apply,
    change_colours,
    concatenate,
    to_unit_range,
)

IDENTITY = Augmentation(
    flip=0, colour=1, brightness=(1, 1), contrast=(1, 1), saturation=(1, 1), noise=(0, 0)
)
"""Every part is active, but changes nothing."""
MANY = 4000


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _frames(count: int, height: int = 6, width: int = 4, low: int = 0, high: int = 256) -> Tensor:
    shape = (count, 3, height, width)
    return torch.randint(low, high, shape, dtype=torch.uint8, generator=_generator(99))


def _step_by_step(image: Tensor, b: float, c: float, s: float) -> Tensor:
    """One image (3, H, W), the three steps in sequence, without clamping in between."""

    def grey(x: Tensor) -> Tensor:
        return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]

    x = image.double() * b
    x = c * x + (1 - c) * grey(x).mean()
    return s * x + (1 - s) * grey(x)


def test_neutral_ranges_change_no_bit() -> None:
    frames = _frames(8)
    noisy, clean = IDENTITY(frames, _generator())
    assert clean.dtype == noisy.dtype == torch.float32
    assert torch.equal(clean, frames.float() / 255)
    assert torch.equal(noisy, clean)


def test_black_and_white_are_the_ends_of_the_unit_range() -> None:
    assert to_unit_range(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )


def test_a_flip_mirrors_left_and_right_only() -> None:
    frames = _frames(8)
    noisy, clean = replace(IDENTITY, flip=1)(frames, _generator())
    assert torch.equal(clean, frames.flip(3).float() / 255)
    assert torch.equal(noisy, clean)


@pytest.mark.parametrize("seed", range(4))
def test_colours_are_the_three_steps_in_order_and_clamped_at_the_end(seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = to_unit_range(_frames(16))
    b, c, s = (torch.tensor(random.uniform(0, 2, 16), dtype=torch.float32) for _ in range(3))
    steps = [
        _step_by_step(image, *(float(f[row]) for f in (b, c, s)))
        for row, image in enumerate(pixels)
    ]
    expected = torch.stack(steps)
    assert expected.max() > 1.2, "the case must show where the clamping happens"
    assert expected.min() < 0
    changed = change_colours(pixels, b, c, s)
    torch.testing.assert_close(changed.double(), expected.clamp(0, 1), atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("b", "c", "s"),
    [(0.8, 1, 1), (1.2, 1, 1), (1, 0.6, 1), (1, 1.3, 1), (1, 1, 0), (1, 1, 1.4), (1.1, 0.7, 1.2)],
    ids=[
        *("darker", "brighter", "less contrast", "more contrast", "grey", "saturated"),
        "all together",
    ],
)
def test_colours_agree_with_torchvision_where_nothing_clamps(b: float, c: float, s: float) -> None:
    """torchvision clamps after each step and rounds 0.299 to 0.2989."""
    pixels = to_unit_range(_frames(5, low=90, high=150))
    expected = tv.adjust_brightness(pixels, b)
    expected = tv.adjust_contrast(expected, c)
    expected = tv.adjust_saturation(expected, s)
    assert expected.min() > 0
    assert expected.max() < 1
    factors = (torch.full((5,), factor) for factor in (b, c, s))
    torch.testing.assert_close(change_colours(pixels, *factors), expected, atol=3e-4, rtol=0)


@pytest.mark.parametrize("part", ["brightness", "contrast", "saturation"])
def test_each_factor_alone_does_what_its_name_says(part: str) -> None:
    """A range of a single value fixes the draw."""
    frames = _frames(4, low=90, high=150)
    factors = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0} | {part: 0.5}
    changed: dict[str, Any] = {part: (0.5, 0.5)}
    _, clean = replace(IDENTITY, **changed)(frames, _generator())
    expected = torch.stack(
        [_step_by_step(to_unit_range(image), *factors.values()) for image in frames]
    )
    torch.testing.assert_close(clean.double(), expected, atol=1e-6, rtol=0)


def test_factors_are_drawn_for_each_image_over_their_whole_range() -> None:
    """The ratio of an image to itself is its brightness: uniform on (0.5, 1.5)."""
    frames = torch.full((MANY, 3, 2, 2), 100, dtype=torch.uint8)
    _, clean = replace(IDENTITY, brightness=(0.5, 1.5))(frames, _generator())
    ratios = (clean[:, 0, 0, 0] * 255 / 100).numpy()
    assert ratios.min() == pytest.approx(0.5, abs=0.01)
    assert ratios.max() == pytest.approx(1.5, abs=0.01)
    shares = np.histogram(ratios, bins=10, range=(0.5, 1.5))[0] / MANY
    np.testing.assert_allclose(shares, 0.1, atol=4 * np.sqrt(0.09 / MANY))


def test_noise_is_added_to_the_input_only_and_may_exceed_the_range() -> None:
    frames = _frames(8)
    noisy, clean = replace(IDENTITY, noise=(0.1, 0.2))(frames, _generator())
    assert torch.equal(clean, frames.float() / 255)
    assert not torch.equal(noisy, clean)
    assert noisy.min() < 0
    assert noisy.max() > 1


def test_the_deviation_of_the_noise_is_drawn_for_each_image_within_its_range() -> None:
    """With 3072 values per image a measured deviation is within 1.3 % (one sigma) of the drawn."""
    low, high = 0.01, 0.03
    noisy, clean = replace(IDENTITY, noise=(low, high))(_frames(800, 32, 32), _generator())
    noise = noisy - clean
    deviations = noise.flatten(1).std(dim=1)
    assert low * 0.95 < deviations.min() < low * 1.1
    assert high * 0.9 < deviations.max() < high * 1.05
    assert deviations.mean().item() == pytest.approx(0.02, abs=4 * 0.0058 / np.sqrt(800))
    assert noise.mean().item() == pytest.approx(0, abs=4 * 0.021 / np.sqrt(noise.numel()))
    correlation = torch.corrcoef(noise[:50].flatten(1)) - torch.eye(50)
    assert correlation.abs().max() < 0.1, "images share their noise"


@pytest.mark.parametrize(
    ("augmentation", "share"),
    [
        (replace(IDENTITY, flip=0.5), 0.5),
        (replace(IDENTITY, flip=0.2), 0.2),
        (replace(IDENTITY, colour=0.9, brightness=(0.5, 0.6)), 0.9),
        (replace(IDENTITY, colour=0.3, brightness=(0.5, 0.6)), 0.3),
        (replace(IDENTITY, colour=0, brightness=(0.5, 0.6)), 0),
    ],
    ids=["flip", "rare flip", "colour", "rare colour", "no colour"],
)
def test_probabilities_are_shares_of_images(augmentation: Augmentation, share: float) -> None:
    """No image here is its own mirror image, so a changed image is an augmented one."""
    frames = torch.tensor([50, 100], dtype=torch.uint8).expand(MANY, 3, 2, 2)
    _, clean = augmentation(frames, _generator())
    changed = (clean != to_unit_range(frames)).flatten(1).any(dim=1)
    error = 4 * np.sqrt(share * (1 - share) / MANY)
    assert changed.double().mean().item() == pytest.approx(share, abs=error)


def test_flip_and_colour_are_drawn_independently() -> None:
    frames = torch.tensor([50, 100], dtype=torch.uint8).expand(MANY, 3, 2, 2)
    augmentation = replace(IDENTITY, flip=0.5, colour=0.5, brightness=(0.5, 0.6))
    _, clean = augmentation(frames, _generator())
    flipped = clean[:, 0, 0, 0] > clean[:, 0, 0, 1]
    darker = clean.amax(dim=(1, 2, 3)) < 80 / 255
    for a, b in ((flipped, darker), (flipped, ~darker), (~flipped, darker)):
        assert (a & b).double().mean().item() == pytest.approx(0.25, abs=0.03)


def test_an_image_gets_all_three_colour_changes_or_none() -> None:
    """Half brightness and no colour: neither occurs alone."""
    frames = torch.tensor([200, 100, 40], dtype=torch.uint8).view(1, 3, 1, 1).expand(MANY, 3, 2, 2)
    augmentation = replace(IDENTITY, colour=0.5, brightness=(0.5, 0.5), saturation=(0, 0))
    _, clean = augmentation(frames, _generator())
    colourless = clean[:, 0, 0, 0] - clean[:, 2, 0, 0] < 0.01
    half = clean.mean(dim=(1, 2, 3)) < 0.3
    assert torch.equal(colourless, half)
    assert 0.4 < half.double().mean() < 0.6


def test_the_three_factors_are_drawn_independently() -> None:
    """On a grey image of two tones, brightness is the ratio of the means, contrast then that of the
    differences; a drawn factor that served twice would correlate them.
    """
    frames = torch.tensor([50, 90], dtype=torch.uint8).expand(MANY, 3, 2, 2)
    augmentation = replace(IDENTITY, brightness=(0.5, 1.5), contrast=(0.5, 1.5))
    _, clean = augmentation(frames, _generator())
    brightness = clean.mean(dim=(1, 2, 3)) * 255 / 70
    contrast = (clean[:, 0, 0, 1] - clean[:, 0, 0, 0]) * 255 / 40 / brightness
    assert contrast.std().item() == pytest.approx(1 / np.sqrt(12), rel=0.05)
    correlation = torch.corrcoef(torch.stack([brightness, contrast]))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(MANY)


def test_a_seed_fixes_every_bit_and_inputs_and_global_seed_do_not_change() -> None:
    frames = _frames(16)
    before, state = frames.clone(), torch.get_rng_state()
    first = Augmentation()(frames, _generator(1))
    again = Augmentation()(frames, _generator(1))
    other = Augmentation()(frames, _generator(2))
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    assert torch.equal(frames, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_defaults_keep_the_target_in_range_and_the_noise_small() -> None:
    noisy, clean = Augmentation()(_frames(200, 16, 16), _generator())
    assert noisy.shape == clean.shape == (200, 3, 16, 16)
    assert clean.min() >= 0
    assert clean.max() <= 1
    assert (noisy - clean).flatten(1).std(dim=1).max() < 0.0165


def _one_by_one(image: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """(noisy, clean) of one uint8 image with its own ``draws``, in float64, step by step."""
    pixels = image.double() / 255
    if draws.flip.item():
        pixels = torch.stack([channel.fliplr() for channel in pixels])
    b, c, s = draws.factors[0].tolist()
    clean = _step_by_step(pixels, b, c, s).clamp(0, 1)
    return clean + draws.noise[0], clean


def test_a_batch_equals_its_images_one_by_one() -> None:
    """With defaults and all draws, a batch gets what each of its images would get on its own."""
    frames = _frames(64, 12, 10)
    draws = Augmentation().draw(64, (12, 10), _generator(3))
    assert 20 < draws.flip.sum() < 44
    assert (draws.factors != 1).any(dim=0).all()
    alone = [_one_by_one(image, draws[i : i + 1]) for i, image in enumerate(frames)]
    for batched, reference in zip(apply(draws, frames), zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(batched.double(), torch.stack(reference), atol=2e-6, rtol=0)


def test_draws_of_groups_concatenate_to_those_of_the_batch() -> None:
    whole = Augmentation().draw(7, (4, 3), _generator())
    again = concatenate([whole[:3], whole[3:4], whole[4:]])
    for a, b in zip(vars(whole).values(), vars(again).values(), strict=True):
        assert torch.equal(a, b)
    assert concatenate([whole]) is whole
