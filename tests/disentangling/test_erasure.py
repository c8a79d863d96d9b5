"""Linear erasure: what it promises, against its own definition and another formula."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from audetnet.disentangling.erasure import fitted_eraser
from audetnet.evaluation.metrics import Array

FRAMES, WIDTH, AUS = 300, 20, 4


def _made(width: int = WIDTH, frames: int = FRAMES) -> tuple[Array, Array]:
    """Correlated codes of very different scales, in which the labels are, far from 0."""
    numbers = np.random.default_rng(0)
    labels = (numbers.random((frames, AUS)) < (0.1, 0.3, 0.5, 0.7)).astype(np.float64)
    codes = numbers.normal(size=(frames, width)) @ numbers.normal(size=(width, width))
    codes += labels @ numbers.normal(size=(AUS, width))
    return 5 + codes * np.geomspace(0.01, 100, width), labels


def _covariance(codes: Array, labels: Array) -> Array:
    return (codes - codes.mean(axis=0)).T @ (labels - labels.mean(axis=0)) / len(codes)


@pytest.mark.parametrize(("width", "frames"), [(WIDTH, FRAMES), (2, FRAMES), (90, 60)])
def test_what_is_left_does_not_vary_with_the_labels(width: int, frames: int) -> None:
    """Also where there are more dimensions than frames."""
    codes, labels = _made(width, frames)
    erased = fitted_eraser(codes, labels)(codes)
    assert np.abs(_covariance(codes, labels)).max() > 0.1
    assert np.abs(_covariance(erased, labels)).max() < 1e-8
    np.testing.assert_allclose(erased.mean(axis=0), codes.mean(axis=0), atol=1e-9)


def test_a_linear_reader_finds_nothing() -> None:
    codes, labels = _made()
    erased = fitted_eraser(codes, labels)(codes)
    for read, low, high in ((codes, 0.7, 1.0), (erased, 0.0, 0.55)):
        z = (read - read.mean(axis=0)) / read.std(axis=0)
        right = LogisticRegression(max_iter=1000).fit(z, labels[:, 2]).score(z, labels[:, 2])
        assert low <= right <= high


def test_it_is_the_formula_of_the_paper() -> None:
    """x - W^+ P W (x - mean), with W the inverse root of the covariance and P the projection on
    the columns of W times the cross-covariance.
    """
    codes, labels = _made(width=6)
    values, axes = np.linalg.eigh(np.cov(codes.T, bias=True))
    whitening = axes / np.sqrt(values) @ axes.T
    related = whitening @ _covariance(codes, labels)
    projection = related @ np.linalg.pinv(related)
    moved = np.linalg.inv(whitening) @ projection @ whitening @ (codes - codes.mean(axis=0)).T
    np.testing.assert_allclose(fitted_eraser(codes, labels)(codes), codes - moved.T)


def test_it_moves_codes_less_than_other_erasures() -> None:
    """Than the orthogonal projection, and than leaving out what least squares predict."""
    codes, labels = _made()
    erased = fitted_eraser(codes, labels)(codes)
    centred, known = codes - codes.mean(axis=0), labels - labels.mean(axis=0)
    basis, _ = np.linalg.qr(_covariance(codes, labels))
    projected = codes - centred @ basis @ basis.T
    assert np.abs(_covariance(projected, labels)).max() < 1e-8
    assert ((erased - codes) ** 2).sum() < ((projected - codes) ** 2).sum()
    # Least squares on the labels moves less, but it reads the labels: no map of the codes alone.
    residual = centred - known @ np.linalg.lstsq(known, centred, rcond=None)[0]
    assert ((erased - codes) ** 2).sum() > ((residual - centred) ** 2).sum()


@pytest.mark.parametrize("unrelated", ["constant labels", "other labels", "constant codes"])
def test_it_is_the_identity_where_there_is_no_covariance(unrelated: str) -> None:
    codes, labels = _made()
    if unrelated == "constant labels":
        labels = np.ones_like(labels)
    elif unrelated == "constant codes":
        codes = np.full_like(codes, 3.0)
    else:
        centred = np.column_stack([np.ones(FRAMES), codes])
        labels -= centred @ np.linalg.lstsq(centred, labels, rcond=None)[0]
    erased = fitted_eraser(codes, labels)(codes)
    np.testing.assert_allclose(erased, codes, rtol=1e-9, atol=1e-9)


def test_only_the_directions_of_the_labels_are_moved() -> None:
    """Whatever varies neither with the labels nor with what does is as it was, also of others."""
    codes, labels = _made(width=6)
    apart = np.random.default_rng(1).normal(size=(FRAMES, 3))
    fitted = np.column_stack([np.ones(FRAMES), codes, labels])
    apart -= fitted @ np.linalg.lstsq(fitted, apart, rcond=None)[0]
    eraser = fitted_eraser(np.hstack([codes, apart]), labels)
    others = np.random.default_rng(2).normal(size=(10, 9))
    np.testing.assert_allclose(eraser(others)[:, 6:], others[:, 6:], atol=1e-8)
    assert np.abs(eraser(others)[:, :6] - others[:, :6]).max() > 0.1


def test_rounding_is_not_magnified() -> None:
    """A channel that is dead but for its rounding, and not dead in another sample."""
    codes, labels = _made(width=6)
    dead = 1e-9 * np.random.default_rng(1).normal(size=(FRAMES, 1))
    eraser = fitted_eraser(np.hstack([codes, dead]), labels)
    alive = np.hstack([codes, np.ones((FRAMES, 1))])
    np.testing.assert_allclose(eraser(alive)[:, :6], fitted_eraser(codes, labels)(codes), atol=1e-4)
