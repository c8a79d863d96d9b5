"""Linear concept erasure in closed form (LEACE).

Belrose et al. 2023, "LEACE: Perfect linear concept erasure in closed form" (theorem 4.3): of all
affine maps after which codes and labels are uncorrelated, so that no linear classifier beats the
base rates, the one that moves the codes least (mean squared distance, in any norm). Codes are
whitened, the directions that covary with the labels are projected out, and the whitening is undone.
"""

from collections.abc import Callable

import numpy as np

from audetnet.evaluation.metrics import Array

_ROUNDING = float(np.finfo(np.float32).eps)
"""Directions whose spread is below this share of the largest are rounding errors of the encoder,
and left alone.
"""
_UNRELATED = 1e-9
"""So are correlations of whitened codes with labels below this."""


def fitted_eraser(codes: Array, labels: Array) -> Callable[[Array], Array]:
    """Fitted on codes (N, D) and labels (N, A), all known, both float64: a function of codes (N, D)
    that removes what covaries linearly with the labels.
    """
    mean = codes.mean(axis=0)
    # With codes = U S V^T the whitened codes are U, whose products with the labels are covariances.
    whitened, spread, axes = np.linalg.svd(codes - mean, full_matrices=False)
    kept = spread > _ROUNDING * spread.max(initial=0)
    whitened, spread, axes = whitened[:, kept], spread[kept], axes[kept]
    related, strength, _ = np.linalg.svd(
        whitened.T @ _standardised(labels) / np.sqrt(len(labels)), full_matrices=False
    )
    related = related[:, strength > _UNRELATED]
    project, restore = (axes.T / spread) @ related, (related.T * spread) @ axes
    return lambda z: np.asarray(z - (z - mean) @ project @ restore)


def _standardised(labels: Array) -> Array:
    """Labels with mean 0 and variance 1 each; constant ones become 0."""
    deviation = labels.std(axis=0)
    return np.asarray((labels - labels.mean(axis=0)) / np.where(deviation > 0, deviation, 1))
