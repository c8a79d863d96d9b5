"""Linear concept erasure in closed form (LEACE).

Belrose et al. 2023, "LEACE: Perfect linear concept erasure in closed form" (theorem 4.3): of all
affine maps after which codes and labels are uncorrelated, so that no linear classifier beats the
labels' rates, the one that moves the codes least (mean squared distance, in any norm). Codes are
whitened, the directions that vary with the labels are projected away, and the whitening is undone.
"""

from dataclasses import dataclass

import numpy as np

from audetnet.evaluation.metrics import Array

_ROUNDING = float(np.finfo(np.float32).eps)
"""Directions in which codes vary less than this share of the largest are the rounding of their
encoder, and are left as they are.
"""
_UNRELATED = 1e-9
"""Correlations of whitened codes with labels below this are rounding, too."""


@dataclass(frozen=True)
class Eraser:
    """x - (x - mean) out back: ``out`` (D, K) reads the K directions of the labels, ``back`` (K, D)
    says where in the code they are.
    """

    mean: Array
    out: Array
    back: Array

    def erased(self, codes: Array) -> Array:
        """Codes (N, D) without what varies linearly with the labels."""
        return np.asarray(codes - (codes - self.mean) @ self.out @ self.back)


def fitted_eraser(codes: Array, labels: Array) -> Eraser:
    """The eraser of labels (N, A), all known, fitted on codes (N, D), both float64."""
    mean = codes.mean(axis=0)
    # With codes = U S V^T the whitened codes are U, whose products with the labels are covariances.
    whitened, spread, axes = np.linalg.svd(codes - mean, full_matrices=False)
    kept = spread > _ROUNDING * spread.max(initial=0)
    whitened, spread, axes = whitened[:, kept], spread[kept], axes[kept]
    related, strength, _ = np.linalg.svd(
        whitened.T @ _standardised(labels) / np.sqrt(len(labels)), full_matrices=False
    )
    related = related[:, strength > _UNRELATED]
    return Eraser(mean, (axes.T / spread) @ related, (related.T * spread) @ axes)


def _standardised(labels: Array) -> Array:
    """Labels with mean 0 and variance 1 each; constant ones are 0."""
    deviation = labels.std(axis=0)
    return np.asarray((labels - labels.mean(axis=0)) / np.where(deviation > 0, deviation, 1))
