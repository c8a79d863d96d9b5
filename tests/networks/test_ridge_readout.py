"""[ridge] against sklearn's ridge regression, frame by frame and person by person."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from audetnet.config.binding import OptionError
from audetnet.networks import ridge_readout
from audetnet.networks.ridge_readout import (
    PENALTIES,
    CrossValidated,
    RidgeReadout,
    out_of_fold_outputs,
)
from tests.networks.conftest import Planner

FloatArray = npt.NDArray[np.float64]
SHAPE = (5, 3, 4)
FEATURES = 60
AUS = 3


@dataclass(frozen=True)
class Data:
    features: Tensor
    targets: Tensor
    people: npt.NDArray[np.int64]

    @property
    def matrix(self) -> FloatArray:
        return self.features.flatten(1).double().numpy()


def data(frames: int = 48, noise: float = 1.0, signal: float = 1.0, seed: int = 0) -> Data:
    """Six people; features of unequal scales, one of them a constant; targets linear in them."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(frames, *SHAPE, generator=generator) * 3 + 2
    features[:, 1] *= 40
    features[:, 2, 1, 1] = 0.3
    weights = torch.randn(FEATURES, AUS, generator=generator) / FEATURES**0.5
    standardised = (features - features.mean(0)) / features.std(0).clamp(min=1e-3)
    drawn = torch.randn(frames, AUS, generator=generator)
    targets = signal * standardised.flatten(1) @ weights + noise * drawn + 5
    return Data(features, targets, np.arange(frames) % 6)


def fitted(given: Data, penalty: float | CrossValidated) -> RidgeReadout:
    """In float64, so that rounding does not hide a difference."""
    block = RidgeReadout(FEATURES, AUS, penalty).double()
    block.fit(given.features, given.targets, given.people)
    return block


def read(block: RidgeReadout, given: Data) -> FloatArray:
    return block(given.features)[:, :, 0, 0].double().numpy()


@pytest.mark.parametrize("frames", [30, 90], ids=["fewer than features", "more"])
@pytest.mark.parametrize("penalty", [0.01, 3.0, 1e4])
def test_a_given_penalty_is_sklearns(
    monkeypatch: pytest.MonkeyPatch, frames: int, penalty: float
) -> None:
    monkeypatch.setattr(ridge_readout, "_CHUNK", 7)  # of 60 features: several, the last one short
    given, unseen = data(frames), data(20, seed=1)
    block = fitted(given, penalty)
    scaler = StandardScaler().fit(given.matrix)
    other = Ridge(alpha=penalty).fit(scaler.transform(given.matrix), given.targets.double())
    expected = other.predict(scaler.transform(unseen.matrix))
    np.testing.assert_allclose(read(block, unseen), expected, rtol=0, atol=1e-8)
    assert float(block.fitted_penalty) == penalty


def test_a_given_penalty_is_least_squares_with_a_row_for_each_weight() -> None:
    given = data()
    centred = given.matrix - given.matrix.mean(0)
    spread = centred.std(0)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-6)
    targets = given.targets.double().numpy()
    rows = np.concatenate([scaled, np.sqrt(2.5) * np.eye(FEATURES)])
    sought = np.concatenate([targets - targets.mean(0), np.zeros((FEATURES, AUS))])
    weights = np.linalg.lstsq(rows, sought, rcond=None)[0]
    expected = scaled @ weights + targets.mean(0)
    np.testing.assert_allclose(read(fitted(given, 2.5), given), expected, rtol=0, atol=1e-8)


def left_out_correlation(given: Data, penalty: float) -> float:
    """The mean over AUs, each person predicted by a regression that was fitted to the others."""
    features = StandardScaler().fit_transform(given.matrix)
    targets = given.targets.double().numpy()
    predicted = np.zeros_like(targets)
    for person in range(6):
        out = given.people == person
        regression = Ridge(alpha=penalty, solver="svd").fit(features[~out], targets[~out])
        predicted[out] = regression.predict(features[out])
    return float(
        np.mean([np.corrcoef(predicted[:, au], targets[:, au])[0, 1] for au in range(AUS)])
    )


@pytest.mark.parametrize(
    ("noise", "seed"), [(0.05, 2), (0.3, 3), (1.0, 4), (1.0, 5), (2.0, 6), (2.0, 7)]
)
def test_the_penalty_that_predicts_held_out_people_best(noise: float, seed: int) -> None:
    """Found by refitting for each person and penalty."""
    given = data(240, noise, seed=seed)
    penalties = [FEATURES * penalty for penalty in PENALTIES]
    found = [left_out_correlation(given, penalty) for penalty in penalties]
    assert max(found) > 0.1
    chosen = float(fitted(given, "cross-validated").fitted_penalty)
    assert chosen == pytest.approx(penalties[int(np.argmax(found))])


@pytest.mark.parametrize(
    ("noise", "signal", "expected"),
    [
        pytest.param(0.0, 1.0, PENALTIES[0], id="linear: the smallest"),
        pytest.param(1.0, 0.0, PENALTIES[-1], id="noise: the largest"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_penalties_of_extremes(noise: float, signal: float, expected: float, seed: int) -> None:
    given = data(900, noise, signal, seed)
    chosen = float(fitted(given, "cross-validated").fitted_penalty)
    assert chosen == pytest.approx(expected * FEATURES)


def test_frames_without_labels_are_ignored() -> None:
    given = data()
    given.targets[5:20] = torch.nan
    given.features[5:20] *= 1000
    known = np.delete(np.arange(48), np.arange(5, 20))
    alone = Data(given.features[known], given.targets[known], given.people[known])
    for penalty in (2.0, "cross-validated"):
        both = fitted(given, penalty), fitted(alone, penalty)  # type: ignore[arg-type]
        for own, other in zip(both[0].buffers(), both[1].buffers(), strict=True):
            torch.testing.assert_close(own, other, rtol=0, atol=1e-12)


def test_each_au_is_fitted_to_the_frames_that_it_is_known_on() -> None:
    """With the scale of a feature over all of them; one that is never known is 0."""
    given = data()
    given.targets[5:20, 0] = torch.nan
    given.targets[:, 2] = torch.nan
    predicted = read(fitted(given, 2.0), given)
    features = StandardScaler().fit_transform(given.matrix)
    for au in (0, 1):
        known = ~given.targets[:, au].isnan().numpy()
        regression = Ridge(alpha=2.0).fit(features[known], given.targets[known, au].double())
        np.testing.assert_allclose(
            predicted[:, au], regression.predict(features), rtol=0, atol=1e-8
        )
    assert (predicted[:, 2] == 0).all()


def test_an_au_of_one_person_does_not_affect_the_penalty() -> None:
    given = data(240, 1.0, seed=4)
    two = Data(given.features, given.targets.clone(), given.people)
    two.targets[:, 2] = torch.nan
    three = Data(given.features, two.targets.clone(), given.people)
    three.targets[given.people == 3, 2] = given.targets[given.people == 3, 2]
    blocks = [fitted(each, "cross-validated") for each in (two, three)]
    assert blocks[0].fitted_penalty == blocks[1].fitted_penalty
    torch.testing.assert_close(blocks[0].weight[:2], blocks[1].weight[:2])
    assert blocks[1].weight[2].any()


@pytest.mark.parametrize("value", [0.0, 0.2, 1.0])
def test_an_au_that_never_varies_is_its_value(value: float) -> None:
    """And does not affect the penalty: for noise, that is the largest one."""
    given = data(900, 1.0, 0.0)
    given.targets[:, 1] = value
    block = fitted(given, "cross-validated")
    np.testing.assert_allclose(read(block, given)[:, 1], np.float32(value))
    assert float(block.fitted_penalty) == pytest.approx(PENALTIES[-1] * FEATURES)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_features_of_any_precision(dtype: torch.dtype) -> None:
    """Are used with their full precision."""
    given = data()
    rounded = given.features.to(dtype)
    block = RidgeReadout(FEATURES, AUS, 2.0)
    block.fit(rounded, given.targets, given.people)
    exact = fitted(Data(rounded.double(), given.targets, given.people), 2.0)
    torch.testing.assert_close(block.weight.double(), exact.weight, rtol=1e-6, atol=1e-7)
    expected = exact(rounded).float()
    torch.testing.assert_close(block(rounded), expected, rtol=1e-5, atol=1e-5)


def test_too_many_frames_are_subsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    given = data(90)
    monkeypatch.setattr(ridge_readout, "MAX_FRAMES", 60)
    whole = fitted(given, 2.0)
    rows = ridge_readout.subsample_over_people(given.people, 60)
    assert np.bincount(given.people[rows]).tolist() == [10] * 6
    part = fitted(Data(given.features[rows], given.targets[rows], given.people[rows]), 2.0)
    assert torch.equal(whole.weight, part.weight)


def test_its_state_is_in_the_state_dict() -> None:
    given = data()
    block, other = RidgeReadout(FEATURES, AUS, 2.0), RidgeReadout(FEATURES, AUS, "cross-validated")
    assert not block.is_fitted
    assert list(block.parameters()) == []
    assert (block(given.features) == 0).all()
    block.fit(given.features, given.targets, given.people)
    assert block.is_fitted
    other.load_state_dict(block.state_dict())
    assert other.is_fitted
    assert float(other.fitted_penalty) == 2.0
    assert torch.equal(block(given.features), other(given.features))


def test_twice_the_same_bits() -> None:
    first, second = (fitted(data(120), "cross-validated").state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("labels", "people", "said"),
    [
        pytest.param("none", 6, "no training frame has a known label", id="no labels"),
        pytest.param("all", 1, "at least two people; set a number", id="one person"),
    ],
)
def test_unusable_frames(labels: str, people: int, said: str) -> None:
    given = data()
    targets = given.targets if labels == "all" else torch.full_like(given.targets, torch.nan)
    block = RidgeReadout(FEATURES, AUS, "cross-validated")
    with pytest.raises(OptionError, match=said):
        block.fit(given.features, targets, given.people % people)
    assert not block.is_fitted


def test_the_block_of_a_cfg(planned: Planner) -> None:
    """Planned without the number of features; it has nothing to train."""
    network = planned((3, 8, 8), "[maxpool]\npool_size=2\nstride=2\n[ridge]\noutput_features=12")
    assert network.output == (12, 1, 1)
    (step,) = network.steps[1:]
    assert (step.parameters, step.flops) == (0, 2 * 12 * 48)
    assert not step.learns


def test_initial_weights_are_refined_on_their_residuals() -> None:
    """sklearn's result for the residuals; with a large penalty the weights stay the same."""
    given, other = data(seed=1), fitted(data(seed=2), 3.0)
    start = other(given.features.double()).flatten(1)
    block = RidgeReadout(FEATURES, AUS, 7.0).double()
    block.load_state_dict(other.state_dict())
    block.fit(given.features, given.targets, given.people)
    scaled = StandardScaler().fit_transform(given.matrix)
    ridge = Ridge(alpha=7.0).fit(scaled, given.targets.numpy() - start.numpy())
    np.testing.assert_allclose(
        block(given.features.double()).flatten(1), start.numpy() + ridge.predict(scaled), atol=1e-8
    )
    stays = RidgeReadout(FEATURES, AUS, 1e12).double()
    stays.load_state_dict(other.state_dict())
    stays.fit(given.features, given.targets, given.people)
    np.testing.assert_allclose(stays.weight, other.weight, atol=1e-6)


def test_weights_that_already_fit_are_kept() -> None:
    """The choice of the penalty includes their outputs: a few noisy frames do not unlearn what many
    have taught.
    """
    every = data(frames=900, noise=0.1, seed=3)
    many, few, unseen = (
        Data(every.features[part], every.targets[part], every.people[part])
        for part in (slice(500), slice(500, 524), slice(600, 900))
    )
    taught = fitted(many, "cross-validated")
    block = RidgeReadout(FEATURES, AUS, "cross-validated").double()
    block.load_state_dict(taught.state_dict())
    block.fit(few.features, few.targets, few.people)
    anew = fitted(few, "cross-validated")

    def error(one: RidgeReadout) -> float:
        found = one(unseen.features.double()).flatten(1)
        return float((found - unseen.targets).square().mean())

    assert error(block) < 0.5 * error(anew)


def test_candidates_rise() -> None:
    """The code uses the last one as the largest."""
    assert all(first < second for first, second in pairwise(PENALTIES))


def test_out_of_fold_outputs_are_sklearns() -> None:
    given = data()
    given.targets[given.people == 2, 1] = torch.nan
    given.targets[given.people != 2, 2] = torch.nan
    found = out_of_fold_outputs(given.features, given.targets, given.people, 3.0).numpy()
    scaled = StandardScaler().fit_transform(given.matrix)
    targets = given.targets.double().numpy()
    expected = np.full_like(targets, np.nan)
    for person in range(6):
        own = given.people == person
        for au in (0, 1):
            fit = ~own & ~np.isnan(targets[:, au])
            other = Ridge(alpha=3.0).fit(scaled[fit], targets[fit, au])
            read_out = own & ~np.isnan(targets[:, au])
            if read_out.any():
                expected[read_out, au] = other.predict(scaled[read_out])
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # the third AU is of one person only
