"""HOG as Dalal and Triggs have it."""

import sys

import numpy as np
import pytest

from audetnet.baselines.hog import SIDE, hog_features
from audetnet.errors import UserError


def _waves(angle: float) -> np.ndarray:
    """Stripes whose gradient points that way, in degrees."""
    y, x = np.mgrid[:SIDE, :SIDE]
    phase = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    grey = (127 + 100 * np.sin(phase / 3)).astype(np.uint8)
    return np.broadcast_to(grey, (3, SIDE, SIDE))


def test_gradients_of_one_direction_fall_into_its_bin() -> None:
    found = hog_features(np.stack([_waves(0), _waves(90)])).numpy()
    assert found.shape == (2, 15 * 15 * 2 * 2 * 9, 1, 1)
    shares = (found.reshape(2, -1, 9) ** 2).sum(axis=1)
    shares /= shares.sum(axis=1, keepdims=True)
    first, second = shares.argmax(axis=1)
    assert first != second
    assert (shares.max(axis=1) > 0.9).all()


def test_blocks_are_normalised() -> None:
    images = np.random.default_rng(0).integers(0, 120, (1, 3, SIDE, SIDE), dtype=np.uint8)
    plain, brighter = hog_features(images).numpy(), hog_features(2 * images).numpy()
    np.testing.assert_allclose(np.linalg.norm(plain.reshape(-1, 36), axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(plain, brighter, atol=1e-3)


def test_a_missing_package_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(UserError, match=r"HOG needs the package scikit-image: pip install"):
        hog_features(np.zeros((1, 3, SIDE, SIDE), np.uint8))
